"""What lies in the memory of calls: layouts, inputs and their renewal, guards, arguments."""
