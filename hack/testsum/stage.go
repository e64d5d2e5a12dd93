package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// stage is one part of `make test`.
type stage struct {
	name  string
	about string
	// depth is how deep passing tests get a line of their own; -1 for none.
	depth int
	// prepares is true for a stage that makes something ready and tests nothing.
	prepares bool
	run      func(context.Context, *runner) error
}

// runner is what a running stage works with.
type runner struct {
	root  string
	env   []string
	log   io.Writer
	tally *tally
	show  func(format string, args ...any)
}

// grace is how long an interrupted command may take to clean up after itself.
const grace = 90 * time.Second

// command is a command in the root of the repository that hears an interrupt before it is
// killed.
func (r *runner) command(ctx context.Context, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = r.root
	cmd.Env = append(os.Environ(), r.env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = grace
	return cmd
}

// do runs a command whose output is of interest to the user.
func (r *runner) do(ctx context.Context, argv ...string) error {
	fmt.Fprintf(r.log, "$ %s\n", strings.Join(argv, " "))
	cmd := r.command(ctx, argv...)
	cmd.Stdout = io.MultiWriter(os.Stdout, r.log)
	cmd.Stderr = cmd.Stdout
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(argv, " "), err)
	}
	return nil
}

// answer runs a command for its standard output.
func (r *runner) answer(ctx context.Context, argv ...string) (string, error) {
	cmd := r.command(ctx, argv...)
	cmd.Stderr = r.log
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", strings.Join(argv, " "), err)
	}
	return strings.TrimSpace(string(text)), nil
}

// check counts a command as one test. dir is relative to the root.
func (r *runner) check(ctx context.Context, name, dir string, argv ...string) {
	cmd := r.command(ctx, argv...)
	cmd.Dir = filepath.Join(r.root, dir)
	text, err := cmd.CombinedOutput()
	fmt.Fprintf(r.log, "$ %s\n%s\n", strings.Join(argv, " "), text)
	r.tally.record(name, err)
	if err != nil {
		r.show("FAIL  %s: %v\n%s", name, err, text)
		return
	}
	r.show("ok    %s", name)
}

// goTest runs `go test -json` with more arguments. dir is the module, relative to the root.
func (r *runner) goTest(ctx context.Context, dir string, args ...string) error {
	cmd := r.command(ctx, append([]string{"go", "test", "-json"}, args...)...)
	cmd.Dir = filepath.Join(r.root, dir)
	cmd.Stderr = r.log
	return r.events(cmd)
}

// binary compiles the tests of a package outside the cluster and returns the path.
func (r *runner) binary(ctx context.Context, dir, pkg, name string) (string, error) {
	path := filepath.Join(r.root, "bin", name+".test")
	cmd := r.command(ctx, "go", "test", "-c", "-o", path, pkg)
	cmd.Dir = filepath.Join(r.root, dir)
	text, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("compile %s: %w\n%s", pkg, err, text)
	}
	return path, nil
}

// inCluster runs a compiled test where it can reach the cluster.
func (r *runner) inCluster(ctx context.Context, binary string, args ...string) error {
	run := append(reach(), binary, "-test.v=test2json", "-test.timeout=60m")
	tests := r.command(ctx, append(run, args...)...)
	tests.Dir = r.root
	tests.Stderr = r.log
	pipe, err := tests.StdoutPipe()
	if err != nil {
		return err
	}
	convert := r.command(context.WithoutCancel(ctx), "go", "tool", "test2json", "-t", "-p", strings.TrimSuffix(filepath.Base(binary), ".test"))
	convert.Stdin = pipe
	if err := tests.Start(); err != nil {
		return err
	}
	failed := r.events(convert)
	return errors.Join(tests.Wait(), failed)
}

// testbed is a command of our own cluster, which is another one than the demo's.
func testbed(args ...string) []string {
	return append([]string{"bin/testbed", "--name", "test"}, args...)
}

// reach is the command in front of one that needs the cluster: none when the user brought a
// cluster along, for then it is reachable from here.
func reach() []string {
	if os.Getenv("KUBECONFIG") != "" {
		return nil
	}
	return testbed("exec", "--")
}

// events reads what a command prints as test events. A failed test is in the tally, so the
// exit status matters only when no test failed.
func (r *runner) events(cmd *exec.Cmd) error {
	stream, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	r.tally.read(stream, r.log)
	return cmd.Wait()
}
