.PHONY: install
install:
	@echo placeholder
