package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/kedify/inference-gateway/hack/testbed/process"
)

// namespaceFiles are entered in this order: the mount namespace last, because
// the paths of the others are the machine's.
var namespaceFiles = []struct {
	file string
	flag int
}{
	{"ipc", unix.CLONE_NEWIPC}, {"uts", unix.CLONE_NEWUTS}, {"net", unix.CLONE_NEWNET},
	{"pid", unix.CLONE_NEWPID}, {"mnt", unix.CLONE_NEWNS},
}

// runInside runs a prepared command in the holder's namespaces and returns
// when it has ended. The command dies with this process.
func runInside(holder process.Identity, cmd *exec.Cmd) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// See Inside. SysProcAttr.Pdeathsig cannot be used: it takes a parent in
	// another process namespace for a dead one.
	cmd.Args = append([]string{self, InsideCommand, cmd.Path}, cmd.Args...)
	cmd.Path = self
	done := make(chan error, 1)
	go func() {
		// The thread changes its namespaces for good, so it is never
		// unlocked and ends with this goroutine. It must live as long as
		// the command: the death signal is tied to the thread.
		runtime.LockOSThread()
		if err := enter(holder); err != nil {
			done <- err
			return
		}
		if err := cmd.Start(); err != nil {
			done <- err
			return
		}
		stop := forwardSignals(cmd.Process)
		err := cmd.Wait()
		stop()
		done <- err
	}()
	return <-done
}

// InsideCommand is the hidden first argument that makes main call Inside.
const InsideCommand = "inside"

// Inside becomes the given program, after it has asked to be killed when the
// process that entered the namespaces with it dies: that one may be killed
// without warning, and its command must not go on alone.
func Inside(path string, argv []string) error {
	runtime.LockOSThread() // the request is the thread's, and survives exec
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return err
	}
	const adopted = 1 // a parent outside of the namespace reads as 0
	if os.Getppid() == adopted {
		return errors.New("the parent died")
	}
	return fmt.Errorf("%s: %w", path, unix.Exec(path, argv, os.Environ()))
}

// enter moves the calling thread.
func enter(holder process.Identity) error {
	var handles []*os.File
	for _, ns := range namespaceFiles {
		f, err := os.Open(fmt.Sprintf("/proc/%d/ns/%s", holder.PID, ns.file))
		if err != nil {
			return err
		}
		defer f.Close()
		handles = append(handles, f)
	}
	if !holder.Alive() { // after opening: the handles are now known to be its own
		return process.ErrGone
	}
	// A thread that shares its root and working directory with others may
	// not change its mount namespace.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	for i, ns := range namespaceFiles {
		if err := unix.Setns(int(handles[i].Fd()), ns.flag); err != nil {
			return fmt.Errorf("enter %s namespace (are you root?): %w", ns.file, err)
		}
	}
	return nil
}

// forwardSignals passes signals on to the child. A terminal sends its own
// (Ctrl-C, Ctrl-\) to the child as well, so those are only swallowed then.
func forwardSignals(child *os.Process) (stop func()) {
	terminal := false
	if tty, err := os.Open("/dev/tty"); err == nil {
		terminal = true
		tty.Close()
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2)
	go func() {
		for s := range signals {
			if terminal && (s == unix.SIGINT || s == unix.SIGQUIT) {
				continue
			}
			_ = child.Signal(s)
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
	}
}

// Exec runs a command inside a running cluster with the caller's standard
// streams and working directory, KUBECONFIG set and the cluster's binaries
// first on PATH. It returns the command's exit code.
func Exec(l Layout, argv []string) (int, error) {
	record, err := readRecord(l)
	if err != nil {
		return 1, err
	}
	cmd, err := insideCommand(l, argv)
	if err != nil {
		return 127, err
	}
	err = runInside(record.Holder, cmd)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case !errors.As(err, &exit):
		return 1, err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return exit.ExitCode(), nil
}

// kubectlCache keeps what kubectl remembers of an API server inside: by default
// it is in the user's home and named by the address, which every cluster shares.
const kubectlCache = "KUBECACHEDIR=/run/kubectl-cache"

func insideCommand(l Layout, argv []string) (*exec.Cmd, error) {
	path := l.Bin() + string(os.PathListSeparator) + os.Getenv("PATH")
	program, err := lookPath(argv[0], path)
	if err != nil {
		return nil, err
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{Path: program, Args: argv, Dir: dir, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	cmd.Env = append(os.Environ(), "PATH="+path, "KUBECONFIG="+l.Kubeconfig(), "TESTBED_NAME="+l.Name, kubectlCache)
	return cmd, nil
}

// lookPath is exec.LookPath with another PATH than this process's own.
func lookPath(name, path string) (string, error) {
	if strings.ContainsRune(name, filepath.Separator) {
		return filepath.Abs(name)
	}
	for _, dir := range filepath.SplitList(path) {
		candidate := filepath.Join(dir, name)
		if info, err := os.Stat(candidate); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return candidate, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, exec.ErrNotFound)
}
