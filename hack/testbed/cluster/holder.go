package cluster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/kedify/inference-gateway/hack/testbed/process"
)

// The holder is process 1 of a cluster's namespaces. When it ends, the kernel
// ends every process of its process namespace, and with the last of them the
// network and mount namespaces go: one kill stops a cluster completely, the
// containers included, in any state.
//
// Until `up` has succeeded, the holder lives only as long as `up` does: it
// reads a pipe whose other end `up` holds, and the end of the pipe without a
// byte means that `up` died, by any signal.

const (
	leashFD = 3 // read: a byte to stay, end of file to go
	readyFD = 4 // write: empty when the namespaces are set up, else the error
)

const holderNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC

// leash keeps a starting cluster bound to this process.
type leash struct{ pipe *os.File }

// release lets the cluster live on without this process.
func (l leash) release() error {
	_, err := l.pipe.Write([]byte{1})
	return errors.Join(err, l.pipe.Close())
}

// startHolder starts process 1 and waits until its namespaces are ready.
func startHolder(l Layout) (process.Identity, leash, error) {
	none := process.Identity{}
	self, err := os.Executable()
	if err != nil {
		return none, leash{}, err
	}
	leashRead, leashWrite, err := os.Pipe()
	if err != nil {
		return none, leash{}, err
	}
	defer leashRead.Close()
	readyRead, readyWrite, err := os.Pipe()
	if err != nil {
		return none, leash{}, err
	}
	defer readyRead.Close()
	log, err := os.Create(l.log("holder"))
	if err != nil {
		return none, leash{}, err
	}
	defer log.Close()

	cmd := exec.Command(self, "holder", "--dir", l.Dir, "--name", l.Name, "--ip-family", string(l.Family))
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", log, log
	cmd.ExtraFiles = []*os.File{leashRead, readyWrite}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Cloneflags: holderNamespaces}
	err = cmd.Start()
	readyWrite.Close()
	if err != nil {
		return none, leash{}, fmt.Errorf("create namespaces (are you root?): %w", err)
	}
	go func() { _ = cmd.Wait() }() // or it stays a zombie while `up` runs
	id, err := process.Identify(cmd.Process.Pid)
	if err != nil {
		return none, leash{}, fmt.Errorf("holder ended at once, see %s: %w", log.Name(), err)
	}
	if report, err := io.ReadAll(readyRead); err != nil || string(report) != "ready" {
		return id, leash{leashWrite}, fmt.Errorf("set up namespaces: %s (see %s)", report, log.Name())
	}
	return id, leash{leashWrite}, nil
}

// RunHolder is the life of process 1.
func RunHolder(l Layout) error {
	ready := os.NewFile(readyFD, "ready")
	pipe := os.NewFile(leashFD, "leash")
	for _, fd := range []int{readyFD, leashFD} {
		unix.CloseOnExec(fd)
	}
	if err := setUpNode(l); err != nil {
		_, _ = ready.WriteString(err.Error())
		return err
	}
	if _, err := ready.WriteString("ready"); err != nil {
		return err
	}
	ready.Close()

	go func() {
		if n, _ := pipe.Read(make([]byte, 1)); n == 0 {
			fmt.Fprintln(os.Stderr, "the starting process is gone: stopping")
			os.Exit(1)
		}
		fmt.Fprintln(os.Stderr, "cluster is up")
	}()
	reapForever()
	return nil
}

func setUpNode(l Layout) error {
	if err := setUpMounts(l); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte(NodeName)); err != nil {
		return err
	}
	return setUpNetwork(l)
}

// reapForever collects the orphans of the namespace, above all the
// components, whose parent is gone when `up` has ended, and the shims.
func reapForever() {
	children := make(chan os.Signal, 16)
	signal.Notify(children, unix.SIGCHLD)
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case err == unix.ECHILD:
			<-children
		case err == nil && (status.Signaled() || status.ExitStatus() != 0):
			fmt.Fprintf(os.Stderr, "process %d ended: exit status %d, signal %v\n", pid, status.ExitStatus(), status.Signal())
		}
	}
}
