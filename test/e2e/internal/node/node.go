// Package node reaches the processes of pods on the node that the test runs on.
//
// Job: what no API of Kubernetes does. A pod that is deleted, even by force, is asked to end
// first; a crash does not ask, and a process that hangs does not end. And memory as the API has it is
// some seconds old.
// Inputs: the UID of a pod, and the name of its processes; the name of a component of the cluster.
// Outputs: SIGKILL, SIGSTOP and SIGCONT; a component that starts again; process ids, resident memory.
// Ownership: nothing is kept.
package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"k8s.io/apimachinery/pkg/types"
)

// Kill ends the processes of a pod that are called so, at once and without a word.
func Kill(pod types.UID, name string) error {
	return signal(pod, name, syscall.SIGKILL)
}

// Stop has the processes of a pod that are called so hang until Continue.
func Stop(pod types.UID, name string) error { return signal(pod, name, syscall.SIGSTOP) }

// Continue ends Stop.
func Continue(pod types.UID, name string) error { return signal(pod, name, syscall.SIGCONT) }

// StopComponent has a component of the cluster that is no pod hang until ContinueComponent. Only a
// cluster of the testbed has such components where the test runs.
func StopComponent(name string) error { return signal("", name, syscall.SIGSTOP) }

// ContinueComponent ends StopComponent.
func ContinueComponent(name string) error { return signal("", name, syscall.SIGCONT) }

func signal(pod types.UID, name string, signal syscall.Signal) error {
	found, err := processes(pod, name)
	for _, id := range found {
		err = errors.Join(err, syscall.Kill(id, signal))
	}
	return err
}

// IDs are those of the processes of a pod that are called so; none while they start.
func IDs(pod types.UID, name string) []int {
	found, err := processes(pod, name)
	if err != nil {
		return nil
	}
	return found
}

var resident = regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB$`)

// Resident is the resident memory of the processes of a pod that are called so, in bytes.
func Resident(pod types.UID, name string) (int64, error) {
	found, err := processes(pod, name)
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, id := range found {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", id))
		if err != nil {
			return 0, err
		}
		match := resident.FindSubmatch(status)
		if match == nil {
			return 0, fmt.Errorf("process %d has no VmRSS", id)
		}
		kilobytes, err := strconv.ParseInt(string(match[1]), 10, 64)
		if err != nil {
			return 0, err
		}
		sum += kilobytes << 10
	}
	return sum, nil
}

// processes are those of a pod that are called so, at least one. Without a pod they are of any or none.
func processes(pod types.UID, name string) (found []int, err error) {
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	for _, folder := range folders {
		is, err := belongs(folder, pod, name)
		if err != nil {
			return nil, err
		}
		if !is {
			continue
		}
		id, err := strconv.Atoi(filepath.Base(folder))
		if err != nil {
			return nil, err
		}
		found = append(found, id)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no process %s of pod %s is on this machine", name, pod)
	}
	return found, nil
}

// belongs reads what /proc says of a process; one that ended meanwhile belongs to no pod.
func belongs(folder string, pod types.UID, name string) (bool, error) {
	command, err := os.ReadFile(filepath.Join(folder, "comm"))
	if gone(err) {
		return false, nil
	}
	// The kernel keeps 15 bytes of a name.
	if err != nil || strings.TrimSpace(string(command)) != name[:min(len(name), 15)] {
		return false, err
	}
	group, err := os.ReadFile(filepath.Join(folder, "cgroup"))
	if gone(err) {
		return false, nil
	}
	// systemd writes the dashes of a UID as underscores.
	return strings.Contains(strings.ReplaceAll(string(group), "_", "-"), string(pod)), err
}

func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) }
