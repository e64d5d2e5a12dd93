package node

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// EndComponent kills a component of the cluster that is no pod. start starts it as it was started: nothing
// else does, on a cluster of the testbed. It goes on after the test.
func EndComponent(name string) (start func() error, err error) {
	found, err := processes("", name)
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("%d processes are called %s", len(found), name)
	}
	start, err = again(found[0])
	if err != nil {
		return nil, err
	}
	return start, syscall.Kill(found[0], syscall.SIGKILL)
}

// again reads how a process was started, with its environment and its log.
func again(id int) (start func() error, err error) {
	of := func(file string) string { return fmt.Sprintf("/proc/%d/%s", id, file) }
	argv, err := texts(of("cmdline"))
	if err != nil {
		return nil, err
	}
	environment, err := texts(of("environ"))
	if err != nil {
		return nil, err
	}
	program, err := os.Readlink(of("exe"))
	if err != nil {
		return nil, err
	}
	path, err := os.Readlink(of("fd/2"))
	if err != nil {
		return nil, err
	}
	return func() error {
		log, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}
		defer log.Close()
		process := &exec.Cmd{
			Path: program, Args: argv, Env: environment, Dir: "/", Stdout: log, Stderr: log, SysProcAttr: &syscall.SysProcAttr{Setsid: true},
		}
		return process.Start()
	}, nil
}

// texts are those of a file, each with a zero at its end.
func texts(file string) ([]string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return strings.Split(string(bytes.TrimSuffix(content, []byte{0})), "\x00"), nil
}
