"""Stands in for a compiler's program: it obeys directives in the candidate's text, as `// shared=4096`."""

import json
import re
import sys
import time
from pathlib import Path

request = json.loads(Path("request.json").read_text())
text = Path(request["main"]).read_text()
told = dict(re.findall(r"// (\w+)=(\S+)", text))
if "sleep" in told:
    time.sleep(float(told["sleep"]))
if "die" in told:
    sys.exit(told["die"])
answer = {}
for name in request["architectures"]:
    Path(f"{name}.code").write_text(f"code for {name}")
    broken = "nothing" in text or told.get("broken") == name
    answer[name] = {
        "error": f"{request['main']}:{1 + text[: text.find('nothing')].count(chr(10))}: error: nothing"
        if broken
        else "",
        "signature": "int n)" not in text,
        "registers": int(told.get("registers", 32)),
        "shared": int(told.get("shared", 0)),
    }
if "link" in told:
    code = Path(f"{request['architectures'][0]}.code")
    code.unlink()
    code.symlink_to(told["link"])
Path("answer.json").write_text(told.get("answer", json.dumps(answer)))
