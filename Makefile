# The commands of this project. On a fresh Debian 12 machine `make demo` and `make test` install what they need.
PYTHON := .venv/bin/python

.PHONY: help install install-dev demo test lint format docs bench fuzz image

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

install: ## set up the native command line: .venv/bin/ptmobile
	@scripts/install.sh cli

install-dev:
	@scripts/install.sh dev

demo: install ## convert two real models, in the container if that is possible here
	@$(PYTHON) scripts/demo.py

test: install-dev ## run all tests that this machine can run, and say which it cannot
	@$(PYTHON) scripts/run_tests.py

lint: install-dev ## check style, types, generated files, scripts, workflows and schemas
	@$(PYTHON) scripts/lint.py

format: install-dev ## bring the code into the house style
	@.venv/bin/ruff format . && .venv/bin/ruff check --fix .

docs: install-dev ## regenerate action.yml, the schemas and the tables of the documents
	@$(PYTHON) scripts/generate.py

bench: install-dev ## measure the plain recipe against ours, and the image
	@$(PYTHON) bench/recipe_vs_action.py
	@$(PYTHON) bench/image_size.py

fuzz: install-dev ## give the action odd inputs, config files and jobs (MINUTES=2 SEED=0)
	@$(PYTHON) bench/fuzz.py --minutes $(or $(MINUTES),2) --seed $(or $(SEED),0)

image: ## build the action's image as ptmobile-action:dev (RUNTIMES="1.12.2" bakes in releases for use without network)
	@RUNTIMES="$(RUNTIMES)" scripts/build-image.sh
