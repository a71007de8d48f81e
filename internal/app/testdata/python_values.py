# Makes values.json: what pydantic, which reads the Python service's settings, makes of some texts. null: refused.
import json, math
from pydantic import TypeAdapter, ValidationError

texts = ["12","12.0"," 12 ","+5","-5","1_000","1__0","_1","012","1e3","1E3","12.5","1e-3",".5","5.","True","False","true","YES","no","on","off","t","f","y","n","1","0","2"," true ","","None","abc","0x10","nan","inf","-inf","infinity","12.00","99999999999999999999","1,5","１２","-0","12.0000000000000001", "1_0.5","+1.5","0.1e1","1.0e2", "--1","+-1"]

vectors = {"made_by": "pydantic 2.14.3"}
for name, kind in [("int", int), ("float", float), ("bool", bool)]:
    adapter = TypeAdapter(kind)
    read = {}
    for text in texts:
        try:
            value = adapter.validate_python(text)
        except ValidationError:
            value = None
        if isinstance(value, float) and not math.isfinite(value):
            continue  # no setting takes it
        if name == "int" and value is not None and value >= 2**63:
            value = None
        read[text] = value
    vectors[name] = read
json.dump(vectors, open("values.json", "w"), ensure_ascii=False, indent=1)
