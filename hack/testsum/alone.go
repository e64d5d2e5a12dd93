package main

import "strings"

// alone are the packages whose code and tests run in one goroutine: there is nothing that the race detector could find, and
// it makes what computes five times as slow. Names that end with a slash are folders. TestAloneIsAlone holds them to it.
var alone = []string{
	"/controllers/resolve/", "/controllers/scaledobject/plan", "/scaler/staffing", "/scaler/trigger",
	"/bench/scaling/engine", "/bench/scaling/fleet", "/bench/scaling/hpa", "/bench/scaling/policy", "/bench/scaling/study",
	"/bench/scaling/trace", "/wiring/foreign", "/wiring/health", "/wiring/mirror", "/wiring/plan", "/docs",
	"/hack/release/licenses",
}

// isAlone reports whether a package runs in one goroutine.
func isAlone(pkg string) bool {
	for _, name := range alone {
		if folder, is := strings.CutSuffix(name, "/"); strings.HasSuffix(pkg, folder) || is && strings.Contains(pkg, name) {
			return true
		}
	}
	return false
}
