# Thin front over CMake presets; every target does the set-up that it needs.
.PHONY: demo test setup build bench asan tidy fuzz format clean
BUILD := build/release
TOKENFAB := $(BUILD)/cli/tokenfab
DEMO := scenarios/azure-conv-h100-70b.json

demo: build
	rm -f $(BUILD)/demo.db
	$(TOKENFAB) run $(DEMO) -o $(BUILD)/demo.db $(if $(TOKENFAB_DATA),--trace $(TOKENFAB_DATA)/traces/AzureLLMInferenceTrace_conv.csv)
	$(TOKENFAB) report $(BUILD)/demo.db -o report.html
	@echo; echo "The report is in report.html: open it in a browser."

test: setup-test
	cmake --preset release
	cmake --build --preset release
	ctest --preset release

setup:
	tools/setup.sh build
setup-test:
	tools/setup.sh test

build: setup
	cmake --preset release
	cmake --build --preset release --target tokenfab

bench: build
	$(TOKENFAB) bench

asan: setup-test
	cmake --preset asan && cmake --build --preset asan && ctest --preset asan

tidy: setup-test
	tools/tidy.sh

fuzz: setup-test
	tools/fuzz.sh

format:
	git ls-files '*.cpp' '*.h' | xargs clang-format -i

clean:
	rm -rf build report.html
