// Package loadgen has a public load generator ask a model through a Gateway, and reads its report.
//
// Job: run inference-perf, with the load of testdata/config.yaml, against the address of a Gateway. Its tokenizer is made on
// this machine from a text that the program ships, so that it asks no model hub.
// Inputs: the program, which hack/testbed installs from PyPI (testdata/requirements.txt); a URL; the name of a model.
// Outputs: a Report, as the program counts it, and its table in Markdown.
// Ownership: the program is a process of the test that runs it, and ends with it.
package loadgen
