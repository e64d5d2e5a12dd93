package build

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kedify/inference-gateway/hack/source"
	"github.com/kedify/inference-gateway/hack/testbed/progress"
)

// niceness of compilers: a starting cluster should not stop a developer's
// other work, and an idle machine loses nothing by it.
const niceness = 5

// collection is how rarely compilers and linkers collect garbage. Large packages
// and programs take up to a fifth less time, for a tenth more memory at the
// peak, which is a linker's; what comes out is the same.
const collection = "400"

// quick spares compilers what the linker would drop, and inlining.
const quick = "-dwarf=false -l"

// compile builds the main packages of a component's module, static and
// without symbols.
func (b *Builder) compile(ctx context.Context, c Component, module, out string, step *progress.Step) error {
	args := []string{"build", "-v", "-buildvcs=false", "-mod=readonly", "-ldflags=-s -w " + c.LDFlags}
	for _, packages := range c.Apart {
		args = append(args, "-gcflags="+packages+"="+quick)
	}
	if c.Tags != "" {
		args = append(args, "-tags="+c.Tags)
	}
	args = append(args, "-o", out+string(filepath.Separator))
	return goCommand(ctx, module, append(args, c.Packages...), step)
}

// gateway builds the product from the tree into the folder. Go's own cache
// makes it quick when nothing has changed.
func (b *Builder) gateway(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	tree, err := source.Read(ctx, b.Root, "")
	if errors.Is(err, source.ErrNoGit) {
		tree, err = source.Unversioned(b.Root)
	}
	if err != nil {
		return err
	}
	step := b.Log.Step(Gateway)
	// As a release builds it, but for -trimpath: with it, nothing that tests have compiled would serve.
	args := []string{"build", "-v", "-buildvcs=false", "-ldflags=" + tree.LDFlags(), "-o", filepath.Join(dir, Gateway), source.Product}
	if err := goCommand(ctx, b.Root, args, step); err != nil {
		return fmt.Errorf("build %s: %w", Gateway, err)
	}
	step.Done("built %s from the tree", tree.Version)
	return nil
}

// goCommand runs go and reports how many packages it has compiled.
func goCommand(ctx context.Context, dir string, args []string, step *progress.Step) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(goEnvironment(), "CGO_ENABLED=0")
	if os.Getenv("GOGC") == "" {
		cmd.Env = append(cmd.Env, "GOGC="+collection)
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	beNice(cmd.Process.Pid)
	complaints := followCompiler(stderr, step)
	if err := cmd.Wait(); err != nil {
		return errors.Join(ctx.Err(), fmt.Errorf("%w\n%s", err, complaints))
	}
	return nil
}

// goEnvironment has modules built with the Go that their go.mod files name, also where a machine is set
// to use its own alone.
func goEnvironment() []string {
	return append(os.Environ(), "GOWORK=off", "GOFLAGS=", "GOTOOLCHAIN=auto")
}

// beNice lowers a process's priority, unless the caller has lowered it more.
func beNice(pid int) {
	if own, err := unix.Getpriority(unix.PRIO_PROCESS, 0); err == nil && 20-own < niceness { // the system call counts downwards from 20
		_ = unix.Setpriority(unix.PRIO_PROCESS, pid, niceness)
	}
}

// followCompiler counts the package names that `go build -v` prints and keeps
// all other lines.
func followCompiler(stderr io.Reader, step *progress.Step) []byte {
	var complaints bytes.Buffer
	compiled := 0
	lines := bufio.NewScanner(stderr)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "go: downloading"):
			step.Update("%s", strings.TrimPrefix(line, "go: "))
		case !strings.ContainsAny(line, " :#"):
			compiled++
			step.Update("%d packages compiled", compiled)
		default:
			complaints.WriteString(line + "\n")
		}
	}
	return complaints.Bytes()
}
