// Package process names running processes in a way that survives the reuse of
// process ids: a process is its id together with its start time and the boot
// it belongs to. Everything the testbed stops, it stops through an Identity,
// so a stale record can never hit the process of another program.
package process

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Identity is one process of one boot of the machine.
type Identity struct {
	PID       int    `json:"pid"`
	StartTime uint64 `json:"startTime"` // clock ticks since boot
	BootID    string `json:"bootID"`
}

// ErrGone says that the identified process does not run any more.
var ErrGone = errors.New("process is gone")

// Identify reads the identity of a running process.
func Identify(pid int) (Identity, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Identity{}, err
	}
	start, zombie, err := parseStat(string(stat))
	if err != nil {
		return Identity{}, err
	}
	if zombie {
		return Identity{}, ErrGone
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Identity{}, err
	}
	return Identity{PID: pid, StartTime: start, BootID: strings.TrimSpace(string(boot))}, nil
}

// Alive reports whether exactly this process still runs.
func (i Identity) Alive() bool {
	if i.PID <= 0 {
		return false
	}
	now, err := Identify(i.PID)
	return err == nil && now == i
}

// Kill ends the process. It opens a handle first and checks the identity
// afterwards: the handle pins the process, so the check cannot be outrun.
func (i Identity) Kill() error {
	if i.PID <= 0 {
		return ErrGone
	}
	fd, err := unix.PidfdOpen(i.PID, 0)
	if err != nil {
		return ErrGone
	}
	defer unix.Close(fd)
	if !i.Alive() {
		return ErrGone
	}
	return unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
}

// parseStat reads the start time (field 22) and whether the process is a
// zombie. The command name in field 2 may itself hold spaces and brackets, so
// counting starts behind its last bracket.
func parseStat(stat string) (start uint64, zombie bool, err error) {
	end := strings.LastIndexByte(stat, ')')
	if end < 0 {
		return 0, false, fmt.Errorf("malformed stat line %q", stat)
	}
	fields := strings.Fields(stat[end+1:])
	const state, startTime = 0, 19 // counted from field 3
	if len(fields) <= startTime {
		return 0, false, fmt.Errorf("short stat line %q", stat)
	}
	start, err = strconv.ParseUint(fields[startTime], 10, 64)
	return start, fields[state] == "Z" || fields[state] == "X", err
}
