# The front door. Needs Python 3.11 or newer and nothing else; uv is fetched into .uv where the machine has none.
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := $(UV) run --locked --quiet

unexport PYTHONDONTWRITEBYTECODE # else every process would compile its imports anew, seconds each time

.PHONY: demo test test-all test-postgres soak dev check bench bench-pull bench-stitch bench-beliefs bench-write-back bench-whole train-extractor test-spark test-presidio
.DEFAULT_GOAL := test

demo: | $(UV)  ## set up, run the whole job against the sandbox, show one person's story
	$(RUN) sidecar demo

test: | $(UV)  ## set up and run the tests
	$(RUN) pytest -n 2 -m "not slow"

test-all: | $(UV)  ## the slow proofs too, and more examples of every property
	$(RUN) pytest -n 2 --hypothesis-profile thorough

soak: | $(UV)  ## every vendor in bad weather, 200 times
	$(RUN) python -m tests.soak --runs 200

STORED := $(shell grep -lEw 'store|stores|engine|home|world|office|door' tests/test_store.py $(wildcard tests/models/test_*.py tests/service/test_[jrsw]*.py \
	$(addsuffix /test_*.py,$(addprefix tests/pipelines/,ingest stitch understand write_back)))) \
	tests/pipelines/test_side_by_side.py tests/service/test_bad_input.py::test_on_postgresql_doctor_and_run_use_the_production_file
# Of those the files in which databases differ most: who waits for whom, what a killed writer leaves, what is put in where it is already.
TOLD := $(filter %_store.py %_migrations.py %_self_models.py %_pull.py %_dirty.py %_stitch.py %_extraction.py %_replay.py %_failures.py %_faults.py \
	%_deliver.py %_undo.py %_feedback.py %_production_file tests/service/test_reviews.py,$(STORED))

test-postgres: | $(UV)  ## the tests that have a store on a PostgreSQL of their own; QUICK=1 for those that tell most
	.ci/postgres $(RUN) pytest -n 3 -m "not slow" $(if $(QUICK),$(TOLD),$(STORED))

dev: | $(UV)  ## sandbox and Dagster UI on the demo's data; on your own accounts where there is a .env
	$(RUN) $(if $(wildcard .env),,sidecar sandbox --) dagster dev -w dagster_workspace.yaml

check: | $(UV)  ## every linter, type checker and architecture rule
	$(UV) lock --check
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(RUN) lint-imports
	$(RUN) deptry .
	$(RUN) vulture
	$(RUN) codespell
	$(RUN) dg check defs

bench: | $(UV)  ## the figures of the README
	$(RUN) python -m benchmarks

bench-pull: | $(UV)  ## what pulling costs, beside a bare loop and peers from PyPI; QUICK=1 for a first look
	$(RUN) python -m benchmarks pull $(if $(QUICK),--quick)

bench-stitch: | $(UV)  ## what stitching costs, beside a bare read and Splink; QUICK=1 for a first look
	$(RUN) python -m benchmarks stitch $(if $(QUICK),--quick)

bench-write-back: | $(UV)  ## rows written back a minute, beside what the quota floor allows; QUICK=1 for a first look
	$(RUN) python -m benchmarks write_back $(if $(QUICK),--quick)

bench-whole: | $(UV)  ## what everything after the pull costs at 10 k, 30 k and 100 k persons; QUICK=1 for a first look
	$(RUN) python -m benchmarks whole $(if $(QUICK),--quick)

bench-beliefs: | $(UV)  ## how well texts are read; by the language model that SIDECAR_LLM names, if any
	$(RUN) python -m benchmarks beliefs

train-extractor: | $(UV)  ## make the encoder of the embedded extractor anew; wants the CPU build of torch and two and a half hours of two cores
	$(RUN) --with-requirements training/requirements.txt python -m training.train

test-spark: | $(UV)  ## stitching once more with Spark as the engine; needs Java 17
	SIDECAR_TEST_ENGINE=spark $(UV) run --locked --quiet --extra spark pytest -p no:randomly tests/pipelines/stitch/test_stitch.py tests/pipelines/stitch/test_spark.py

test-presidio: | $(UV)  ## hiding names with Presidio, the optional extra
	$(UV) run --locked --quiet --extra presidio pytest -p no:randomly tests/pipelines/understand/test_presidio.py

.uv/bin/uv:
	$(PYTHON) -m venv .uv
	.uv/bin/pip install --quiet uv
