// Command testsum runs the stages of `make test` one after the other and adds them up.
//
// Job: build what a stage needs, run it, show what is going on, count.
// Inputs: the names of the stages to run (all when none is given).
// Outputs: progress on standard output, the whole output of each stage in out/test/<stage>.log,
// and as the very last line "N passed, N failed". The exit status is 0 only when nothing
// failed and every stage ran at least one test.
// Ownership: one goroutine runs the stages; a second one per stage prints a sign of life.
//
// Counted is every test and every subtest that ended, once each under its full name; a linter
// run is one check per module. Skipped tests are counted apart.
package main
