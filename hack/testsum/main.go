package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// pulse is how often a silent stage says that it lives.
const pulse = 30 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	passed, failed, err := runAll(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
	}
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if err != nil || failed > 0 {
		os.Exit(1)
	}
}

// outcome is what a stage added to the sum.
type outcome struct {
	passed, failed, skipped int
	took                    time.Duration
	err                     error
}

// runAll runs the named stages. A stage that cannot run is an error, and ends the run when it
// prepares something for the ones after it; a stage with failed tests does not.
func runAll(ctx context.Context, names []string) (passed, failed int, err error) {
	root, err := repository()
	if err != nil {
		return 0, 0, err
	}
	chosen, err := choose(names)
	if err != nil {
		return 0, 0, err
	}
	defer tidyUp(root)
	start := time.Now()
	results := make([]outcome, 0, len(chosen))
	for _, s := range chosen {
		result := runStage(ctx, root, start, s)
		results = append(results, result)
		passed += result.passed
		failed += result.failed
		if result.err != nil {
			err = errors.Join(err, fmt.Errorf("stage %s: %w", s.name, result.err))
			if s.prepares || ctx.Err() != nil {
				break
			}
		}
	}
	fmt.Println()
	for i, result := range results {
		fmt.Printf("%-12s %5d passed %4d failed %4d skipped %9s\n", chosen[i].name,
			result.passed, result.failed, result.skipped, result.took.Round(time.Second))
	}
	return passed, failed, err
}

// tidyUp stops the cluster of the tests, also after a failure or an interrupt. KEEP=1 leaves it
// up for a look inside.
func tidyUp(root string) {
	if os.Getenv("KEEP") == "1" {
		fmt.Println("the cluster stays up: make cluster-shell CLUSTER=test")
		return
	}
	if _, err := os.Stat(filepath.Join(root, ".testbed", "test")); err != nil {
		return
	}
	argv := testbed("down")
	down := exec.Command(argv[0], argv[1:]...)
	down.Dir = root
	if text, err := down.CombinedOutput(); err != nil {
		fmt.Printf("stopping the cluster of the tests: %v\n%s", err, text)
	}
}

func choose(names []string) ([]stage, error) {
	all := stages()
	if len(names) == 0 {
		return all, nil
	}
	var chosen []stage
	for _, name := range names {
		found := false
		for _, s := range all {
			if s.name == name {
				chosen, found = append(chosen, s), true
			}
		}
		if !found {
			return nil, fmt.Errorf("no stage is called %q", name)
		}
	}
	return chosen, nil
}

func runStage(ctx context.Context, root string, start time.Time, s stage) (result outcome) {
	begun := time.Now()
	folder := filepath.Join(root, "out", "test")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return outcome{err: err}
	}
	log, err := os.Create(filepath.Join(folder, s.name+".log"))
	if err != nil {
		return outcome{err: err}
	}
	defer log.Close()
	show := func(format string, args ...any) {
		fmt.Printf("%7.1fs  %-11s %s\n", time.Since(start).Seconds(), s.name, fmt.Sprintf(format, args...))
	}
	show("begins: %s", s.about)
	r := &runner{root: root, log: io.Writer(log), tally: newTally(show, s.depth), show: show}
	done := make(chan struct{})
	go alive(done, r, show)
	result.err = s.run(ctx, r)
	close(done)
	result.passed, result.failed, result.skipped = r.tally.counts()
	result.took = time.Since(begun)
	var exit *exec.ExitError
	switch {
	case errors.Is(result.err, errUsersCluster):
		show("left out: %v", result.err)
		return outcome{}
	case result.failed > 0 && errors.As(result.err, &exit):
		result.err = nil // the exit status of failed tests, which are counted
	case result.err == nil && !s.prepares && result.passed+result.failed == 0:
		result.err = errors.New("ran no test")
	}
	show("ends: %d passed, %d failed, %d skipped, %s", result.passed, result.failed, result.skipped, result.took.Round(time.Second))
	for _, name := range r.tally.failures() {
		show("failed: %s", name)
	}
	return result
}

// alive prints how a stage stands when nothing else would.
func alive(done <-chan struct{}, r *runner, show func(string, ...any)) {
	ticker := time.NewTicker(pulse)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
			passed, failed, _ := r.tally.counts()
			show("...   %d passed, %d failed so far; at %s", passed, failed, r.tally.busy())
		}
	}
}

// repository is the root of the main module.
func repository() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", err
	}
	return filepath.Dir(strings.TrimSpace(string(out))), nil
}

// clientsPackage has a stage of its own: its clients come from other registries than Go's.
const clientsPackage = "/test/clients"

// longest are packages whose tests take half a minute and more, the longest first: one that is begun last would run alone.
var longest = []string{
	"/test/sweep", "/controllers/plane", "/xds/translate", "/scaler/hold", "/wiring", "/charts", "/xds/ir/regex", "/test/attack",
}

// unitPackages are all packages but those whose tests need a cluster, and clientsPackage; the longest first.
func (r *runner) unitPackages(ctx context.Context) ([]string, error) {
	list, err := r.answer(ctx, "go", "list", "./...")
	if err != nil {
		return nil, err
	}
	var packages []string
	for _, pkg := range strings.Fields(list) {
		if strings.Contains(pkg, "/test/e2e") || strings.HasSuffix(pkg, "/hack/testbed/smoke") || strings.HasSuffix(pkg, clientsPackage) {
			continue
		}
		packages = append(packages, pkg)
	}
	place := func(pkg string) int {
		i := slices.IndexFunc(longest, func(end string) bool { return strings.HasSuffix(pkg, end) })
		return cmp.Or(i+1, len(longest)+1)
	}
	slices.SortStableFunc(packages, func(a, b string) int { return cmp.Compare(place(a), place(b)) })
	return packages, nil
}
