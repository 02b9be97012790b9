"""What is known, in fields of the CRM: planned as rows, then delivered.

`fields.py` lists all that is ever written; `values.py` what each record should show; `compare.py` whether it is written and whose value
stays; `plan.py` and `deliver.py` how, also after a crash or a refusal; `ledger.py` what has been.
"""
