"""Language models over the Chat Completions protocol: any server that speaks it, with budgets that hold."""
