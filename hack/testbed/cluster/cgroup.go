package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	cgroupRoot  = "kedify-testbed"
	cgroupMount = "/sys/fs/cgroup"
)

// unified reports whether cgroup v2 is the only hierarchy.
func unified() bool {
	_, err := os.Stat(filepath.Join(cgroupMount, "cgroup.controllers"))
	return err == nil
}

// cgroupHierarchies lists the folders that are roots of a hierarchy: one for
// v2, one per controller for v1 and the hybrid of both.
func cgroupHierarchies() ([]string, error) {
	if unified() {
		return []string{cgroupMount}, nil
	}
	entries, err := os.ReadDir(cgroupMount)
	if err != nil {
		return nil, fmt.Errorf("list cgroup hierarchies: %w", err)
	}
	var roots []string
	for _, e := range entries {
		// Some distributions alias hierarchies (cpu -> cpu,cpuacct) by
		// symbolic link; the link's target is listed itself.
		if e.IsDir() {
			roots = append(roots, filepath.Join(cgroupMount, e.Name()))
		}
	}
	return roots, nil
}

// createCgroups makes the cluster's parent cgroup in every hierarchy; the
// kubelet refuses to start when its root is missing from one of them.
func createCgroups(parent string) error {
	roots, err := cgroupHierarchies()
	if err != nil {
		return err
	}
	for _, root := range roots {
		dir := root
		for element := range strings.SplitSeq(strings.Trim(parent, "/"), "/") {
			if unified() {
				enableControllers(dir)
			}
			above := dir
			dir = filepath.Join(dir, element)
			if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("create cgroup: %w", err)
			}
			inheritCPUSet(above, dir)
		}
		if unified() {
			enableControllers(dir)
		}
	}
	return nil
}

// enableControllers hands every available controller on to the children (v2).
// One that cannot be handed on is left out: the kubelet names it if it needs it.
func enableControllers(dir string) {
	available, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return
	}
	control := filepath.Join(dir, "cgroup.subtree_control")
	for name := range strings.FieldsSeq(string(available)) {
		_ = os.WriteFile(control, []byte("+"+name), 0o644)
	}
}

// inheritCPUSet copies the processors of a v1 cpuset to its child, which
// starts with none and would refuse every process.
func inheritCPUSet(above, dir string) {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := os.ReadFile(filepath.Join(above, file))
		if err != nil || unified() {
			continue
		}
		_ = os.WriteFile(filepath.Join(dir, file), value, 0o644)
	}
}

// removeCgroups removes the cluster's cgroups, deepest first. A cgroup stays
// busy for a moment after its last process has ended, so it tries again.
func removeCgroups(parent string) error {
	roots, err := cgroupHierarchies()
	if err != nil {
		return err
	}
	var failed error
	for _, root := range roots {
		for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			failed = removeTree(filepath.Join(root, parent))
			if failed == nil || time.Now().After(deadline) {
				break
			}
		}
		// Shared with other clusters: goes when the last one is gone.
		_ = unix.Rmdir(filepath.Join(root, cgroupRoot))
	}
	return failed
}

// removeTree removes a cgroup and those below it. Files in a cgroup cannot be
// removed and need not be, so os.RemoveAll does not do.
func removeTree(dir string) error {
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.Reverse(dirs)
	for _, d := range dirs {
		if err := unix.Rmdir(d); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("remove cgroup %s: %w", d, err)
		}
	}
	return nil
}
