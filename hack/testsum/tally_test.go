package main

import "testing"

func TestBarOf(t *testing.T) {
	for line, want := range map[string]string{
		"bar: clients=12 failed=0\n":                     "bar: clients=12 failed=0",
		"    quiet_test.go:97: 7 writes; bar: rss=40 \n": "bar: rss=40",
		"=== RUN   TestHosts/bar: a name\n":              "",
		"ok\n":                                           "",
	} {
		if got := barOf(line); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}
