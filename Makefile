# Every target does its own set-up: a virtual environment in .venv, pinned by constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONFIG ?=
OUT ?= out/
WORKERS ?= 0
PACKAGES := marks pipelines schemas sources tracking trainer transforms
READERS := $(basename $(notdir $(wildcard tests/readers/*.txt)))
export PIP_DISABLE_PIP_VERSION_CHECK = 1

BEAM_VERSION := $(patsubst apache-beam==%,%,$(filter apache-beam==%,$(file < constraints.txt)))
MAVEN ?= https://repo1.maven.org/maven2
SPARK_JAR := build/beam-runners-spark-3-job-server-$(BEAM_VERSION).jar
SPARK_MASTER ?= local[*]
SOMTOM_SPARK_JOB_SERVER_JAR ?= $(SPARK_JAR)
# What else Beam shall be told; see docs/spark.md and docs/dataflow.md.
BEAM_OPTIONS ?=
ACCELERATOR ?= nvidia-l4
MIN_RAM ?= 24GB

.PHONY: build-dataset build-dataset-spark build-dataset-dataflow spark-job-server report train test kills test-readers fuzz reader-envs lint format bench types clean

build-dataset: $(VENV)/core.stamp
ifeq ($(strip $(CONFIG)),)
	$(BIN)/somtom samples build/samples
	$(BIN)/somtom build configs/samples.toml --out "$(OUT)" --workers $(WORKERS)
else
	$(BIN)/somtom build "$(CONFIG)" --out "$(OUT)" --workers $(WORKERS)
endif
	$(BIN)/somtom show "$(OUT)" --limit 12
	$(BIN)/somtom report "$(OUT)"

# On Spark: make build-dataset-spark CONFIG=my.toml OUT=/shared/my-data SPARK_MASTER=spark://HOST:7077 BEAM_OPTIONS=...
# Without a CONFIG, the built-in samples on this machine.
build-dataset-spark: $(VENV)/core.stamp
	@test -f "$(SOMTOM_SPARK_JOB_SERVER_JAR)" || { echo "run 'make spark-job-server' first, or set SOMTOM_SPARK_JOB_SERVER_JAR" >&2; exit 2; }
ifeq ($(strip $(CONFIG)),)
	$(BIN)/somtom samples build/samples
endif
	$(BIN)/somtom build "$(or $(strip $(CONFIG)),configs/samples.toml)" --out "$(OUT)" --runner spark \
		-- "--spark_job_server_jar=$(SOMTOM_SPARK_JOB_SERVER_JAR)" "--spark_master_url=$(SPARK_MASTER)" $(BEAM_OPTIONS)

# Beam's job server for Spark, in which Spark itself is; from Maven Central.
spark-job-server: $(SPARK_JAR)

# On Dataflow: make build-dataset-dataflow CONFIG=my.toml OUT=gs://BUCKET/my-data IMAGE=... PROJECT=... REGION=... TEMP=gs://...
build-dataset-dataflow: $(VENV)/gcp.stamp
	$(foreach name,PROJECT REGION TEMP IMAGE,$(if $($(name)),,$(error give $(name)=...; see docs/dataflow.md)))
	$(BIN)/somtom build "$(or $(strip $(CONFIG)),configs/gpu.toml)" --out "$(OUT)" --set tracking.device=auto \
		--runner dataflow $(if $(ACCELERATOR),--accelerator "$(ACCELERATOR)") --min-ram "$(MIN_RAM)" \
		-- "--project=$(PROJECT)" "--region=$(REGION)" "--temp_location=$(TEMP)" "--sdk_container_image=$(IMAGE)" $(BEAM_OPTIONS)

$(SPARK_JAR):
	mkdir -p build
	curl --fail --location --output $@.part \
		$(MAVEN)/org/apache/beam/beam-runners-spark-3-job-server/$(BEAM_VERSION)/$(@F)
	curl --fail --location $(MAVEN)/org/apache/beam/beam-runners-spark-3-job-server/$(BEAM_VERSION)/$(@F).sha1 \
		| sed 's|$$|  $@.part|' | sha1sum --check
	mv $@.part $@

report: $(VENV)/core.stamp
	$(BIN)/somtom report "$(OUT)"

# Draws clips to learn from, builds a data set, trains the small model on it and measures what it learnt.
train: $(VENV)/train.stamp
	$(BIN)/somtom samples build/moves --kinds moves --count 960
	$(BIN)/somtom build configs/digits.toml --workers $(WORKERS)
	$(BIN)/somtom build configs/stills.toml --workers $(WORKERS)
	$(BIN)/somtom build configs/train.toml --workers $(WORKERS)
	$(BIN)/somtom train configs/nano-digits.toml --resume
	$(BIN)/somtom train configs/nano-stills.toml --resume
	$(BIN)/somtom train configs/nano.toml --resume
	$(BIN)/somtom eval build/train --checkpoint runs/train --pictures 12

# A file of tests stays in one process, whose fixtures it shares.
test: $(VENV)/dev.stamp types
	$(BIN)/pytest --numprocesses auto --dist loadfile

# Kills builds some hundred times at random moments and compares what they become; see docs/runs.md. Linux only.
kills: $(VENV)/dev.stamp
	$(BIN)/python tests/support/kills.py

# Damages COUNT small files and reads them, those of one reader by ONLY=rlds; see docs/security.md.
fuzz: $(VENV)/dev.stamp
	$(BIN)/python tests/support/fuzz_run.py --count "$(or $(COUNT),10000)" --seed "$(or $(SEED),0)" --only "$(ONLY)"

# Libraries that are large, or cannot live with ours: each in an environment of its own.
reader-envs: $(READERS:%=build/envs/%.stamp)

test-readers: reader-envs $(VENV)/dev.stamp types
	$(BIN)/pytest tests/test_reader.py tests/test_readers.py tests/test_readers_apart.py tests/test_exports_apart.py tests/test_card_snippets.py

build/envs/%.stamp: tests/readers/%.txt
	rm -rf build/envs/$*
	$(PYTHON) -m venv build/envs/$*
	build/envs/$*/bin/pip install --quiet --requirement $<
	touch $@

lint: $(VENV)/dev.stamp types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/core.stamp
	$(BIN)/somtom bench

# mypy and editors look for somtom.<folder> as a package's folder: a git-ignored one made of links.
types:
	@mkdir -p build/types/somtom
	@for folder in $(PACKAGES); do ln -sfn ../../../$$folder build/types/somtom/$$folder; done

$(VENV)/core.stamp: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version) if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/gcp.stamp: $(VENV)/core.stamp
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[cotracker,gcp]"
	touch $@

$(VENV)/train.stamp: $(VENV)/core.stamp
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[train]"
	touch $@

$(VENV)/dev.stamp: $(VENV)/core.stamp
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

clean:
	rm -rf build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
