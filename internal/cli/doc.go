// Package cli has the commands for people: those that ask a cluster, and those that need none.
//
// Job: flags, printing and exit status; what is printed is made by the packages below. Inputs: arguments, a cluster, files.
// Outputs: text, or -o json, yaml, jsonpath. Ownership: a command runs to its end.
package cli
