# Makes dotenv.json: what python-dotenv reads from awkward files. Run it in its own folder.
import io, json, logging, os, random, re

import dotenv
from dotenv.parser import parse_stream

logging.disable(logging.CRITICAL)
os.environ.clear(); os.environ.update({"HOME_TOKEN": "from-environment", "A": "outer"})
cases = [
 "A=1\nB=2\n", "A=1\r\nB=2\r\n", "A=1\rB=2", " A = 1 ", "export A=1", "export  A=1\nexportB=2\nexport=3", "A=", "A= ", "A=#x", "A= # comment", "A=x#y", "A=x #y", "A=x\t# y # z",
 "A='single $x ${A}'", "A=\"double $x ${B}\"", "A=tok$en", "A=${HOME_TOKEN}", "A=${NONE}", "A=${NONE:-fall back}", "A=${NONE:-}", "A=${HOME_TOKEN:-z}", "A=1\nB=${A}${A}\nC=x${B}y", "A=${A}", "B=${A}", "A=${A", "A=${A:b}", "A=${}", "A=${A:-${B}}",
 "A='it\\'s'", "A=\"say \\\"hi\\\"\"", r'A="a\nb\tc\\d\qe"', r"A='a\nb\\c'", r"A=a\nb", "A='multi\nline'\nB=2", "A=\"multi\nline\" # c\nB=2", "A='open\nB=2", "A=\"open\nB=2", "A='x' junk\nB=2", "A='x'#c\nB=2", "A\nB=2", "=x\nB=2", "# only\n\n#\nB=2", "'A B'=3\nB=2", "''=3\nB=2", "'A\nB=2",
 "A: 1\nB=2", "A==1", "A=a=b", "A=ünïcode", "PYLON_IDENTITIES=[\"sn1\", \"sn2\"]\n", "PYLON_IDENTITIES='[\"sn1\",\"sn2\"]'", "A=1 2 3  ", "A=\"x\"\"y\"\nB=1", "A=1\nA=2", "a=1\nA=2", "\ufeffA=1", "A=\\", "A=\"\\\"", "A=\"\\", "A=#\n", "A=x\\#y", "A= 'x' ", "A=''", "A=\"\"", "A = 'x'#\n\n\n B=1", "export export A=1", "export\tA=1", "export\nA=1", "A=\u00a0x\u00a0#c", "A=$$x", "A=$", "A=${A}$}", "A='\\\\'\nB=1", "\n\r\n\rA=1", "A=1\n \t\nB=2", "A!=1", "A.B-C=1", "A=\"$A\\${A}\"", "=", "'", "\"=1", "A=\"\n\n\"\nbad line here\nB=1", "#A=1", "A #=1\nB=2", "A =1",
]
rnd = random.Random(7)
alphabet = ["A", "B", "=", "=", "'", '"', "\\", "n", " ", "\n", "\r\n", "\r", "#", "$", "{", "}", "${A}", ":-", "export ", "x", "ü", "\t"]
for _ in range(400):
    cases.append("".join(rnd.choice(alphabet) for _ in range(rnd.randint(1, 14))))
out = []
for c in cases:
    badl = []; at = 0
    src = c.removeprefix("\ufeff")
    for bind in parse_stream(io.StringIO(c, newline="")):
        o = bind.original.string
        if bind.error:
            first = at + len(o) - len(o.lstrip())
            badl.append(1 + len(re.findall(r"\r\n|\n|\r", src[:first])))
        at += len(o)
    values = dotenv.dotenv_values(stream=io.StringIO(c, newline=""))
    out.append({"text": c, "values": {k: v for k, v in values.items() if v is not None}, "bad_lines": badl})
json.dump({"made_by": "python-dotenv 1.2.4", "environment": {"HOME_TOKEN": "from-environment", "A": "outer"}, "cases": out}, open("dotenv.json", "w"), ensure_ascii=False, indent=1)
