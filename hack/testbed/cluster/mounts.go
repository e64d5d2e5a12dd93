package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// kernelSettings are the sysctls that a kubelet sets on its node although they
// are the whole machine's. Inside the namespace each is covered by a file that
// already holds the kubelet's value, so the machine keeps its own.
var kernelSettings = map[string]string{
	"vm/overcommit_memory":      "1",
	"vm/panic_on_oom":           "0",
	"kernel/panic":              "10",
	"kernel/panic_on_oops":      "1",
	"kernel/keys/root_maxkeys":  "1000000",
	"kernel/keys/root_maxbytes": "25000000",
}

// setUpMounts turns a fresh copy of the machine's mount namespace into the
// node's file system. The machine is never written to: /var is an overlay
// whose changes go to a tmpfs, /run is new, and the folders with real traffic
// (images, volumes, etcd) are on the same tmpfs, which also spares the disk
// every fsync of etcd and containerd.
func setUpMounts(l Layout) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	scratch := l.Scratch()
	if err := unix.Mount("testbed", scratch, "tmpfs", 0, "size=90%,mode=755"); err != nil {
		return fmt.Errorf("mount scratch: %w", err)
	}
	for _, step := range []func(string) error{overlayVar, newRun, bindData, newProc, coverKernelSettings, l.useClusterDNS} {
		if err := step(scratch); err != nil {
			return err
		}
	}
	// The kubelet needs shared propagation for volume mounts. Shared means
	// shared inside: the link to the machine was cut above.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("make mounts shared inside: %w", err)
	}
	return nil
}

func overlayVar(scratch string) error {
	for _, dir := range []string{"var", "var-work"} {
		if err := os.MkdirAll(filepath.Join(scratch, dir), 0o755); err != nil {
			return err
		}
	}
	// Relative paths: the options know no escape for ',' and ':'.
	if err := os.Chdir(scratch); err != nil {
		return err
	}
	defer func() { _ = os.Chdir("/") }()
	if err := unix.Mount("overlay", "/var", "overlay", 0, "lowerdir=/var,upperdir=var,workdir=var-work"); err != nil {
		return fmt.Errorf("overlay /var: %w", err)
	}
	return nil
}

func newRun(string) error {
	if err := unix.Mount("testbed", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
		return fmt.Errorf("mount /run: %w", err)
	}
	return os.MkdirAll("/run/lock", 0o1777)
}

// bindData puts the data folders directly on the tmpfs: an overlay (which /var
// is) cannot carry the container layers' own overlays.
func bindData(scratch string) error {
	for _, name := range []string{"kubelet", "containerd", "etcd"} {
		source, target := filepath.Join(scratch, name), filepath.Join("/var/lib", name)
		for _, dir := range []string{source, target} {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
		}
		if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("bind %s: %w", target, err)
		}
	}
	return nil
}

func newProc(string) error {
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return nil
}

func coverKernelSettings(scratch string) error {
	for name, value := range kernelSettings {
		target := filepath.Join("/proc/sys", name)
		if _, err := os.Stat(target); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		source := filepath.Join(scratch, "sysctl", name)
		if err := bindContent(source, target, value+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// useClusterDNS lets commands inside the namespaces resolve Services by name.
func (l Layout) useClusterDNS(scratch string) error {
	target, err := os.Readlink("/etc/resolv.conf")
	switch {
	case err != nil:
		target = "/etc/resolv.conf"
	case !filepath.IsAbs(target):
		target = filepath.Join("/etc", target)
	}
	// A link into /run points at nothing inside.
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	if _, err := os.Stat(target); errors.Is(err, fs.ErrNotExist) {
		if err := os.WriteFile(target, nil, 0o644); err != nil {
			return err
		}
	}
	content := fmt.Sprintf("nameserver %s\nsearch svc.%s %s\noptions ndots:5\n", l.addresses().dns, ClusterDomain, ClusterDomain)
	return bindContent(filepath.Join(scratch, "resolv.conf"), target, content)
}

func bindContent(source, target, content string) error {
	if err := os.MkdirAll(filepath.Dir(source), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(source, []byte(content), 0o644); err != nil {
		return err
	}
	if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s: %w", target, err)
	}
	return nil
}
