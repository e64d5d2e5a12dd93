package cluster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// List names the clusters that have a folder in this repository.
func List(root string) ([]string, error) {
	records, err := filepath.Glob(filepath.Join(StateRoot(root), "*", "cluster.json"))
	var names []string
	for _, path := range records {
		names = append(names, filepath.Base(filepath.Dir(path)))
	}
	return names, err
}

// Running reports whether the cluster is up.
func Running(l Layout) bool {
	record, err := readRecord(l)
	return err == nil && record.Ready
}

// Status prints what runs, with memory and the addresses.
func Status(l Layout, out io.Writer) error {
	record, err := readRecord(l)
	if err != nil {
		return err
	}
	l.Family = record.Family
	at, state := l.addresses(), "running"
	if !record.Ready {
		state = "starting"
	}
	fmt.Fprintf(out, "cluster     %s: %s, profile %s, for %s\n", l.Name, state, record.Profile, time.Since(record.Started).Round(time.Second))
	fmt.Fprintf(out, "kubeconfig  %s (works inside: testbed exec --name %s -- kubectl get pods -A)\n", l.Kubeconfig(), l.Name)
	fmt.Fprintf(out, "logs        %s\n", l.Logs())
	fmt.Fprintf(out, "node        %s %s, API server %s\n", NodeName, at.node, l.apiServerURL())
	fmt.Fprintf(out, "pods        %s\nservices    %s, DNS %s, domain %s\n", at.pods, at.services, at.dns, ClusterDomain)
	fmt.Fprintf(out, "balancers   %s; those of %s only for Services with spec.loadBalancerIP\n\n", at.loadBalancers, at.static)

	all, err := processesOf(record.Holder.PID)
	if err != nil {
		return err
	}
	return printProcesses(all, out)
}

// member is one process of a cluster's process namespace.
type member struct {
	pid     int // on the machine
	command string
	rss     int64 // bytes
	node    bool  // a component, not a container's process
}

func printProcesses(all []member, out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "pid\tMiB\t  program\t")
	var components, containers int64
	count := 0
	for _, m := range all {
		if !m.node {
			containers += m.rss
			count++
			continue
		}
		components += m.rss
		fmt.Fprintf(table, "%d\t%d\t  %s\t\n", m.pid, m.rss>>20, m.command)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%d MiB in components, %d MiB in %d container processes and shims\n", components>>20, containers>>20, count)
	return err
}

// processesOf lists the processes in the holder's process namespace. Those
// that a component started, directly or not, are the containers'.
func processesOf(holder int) ([]member, error) {
	namespace, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", holder))
	if err != nil {
		return nil, fmt.Errorf("read the cluster's processes (are you root?): %w", err)
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var all []member
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		ns, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid))
		inContainer := err == nil && ns != namespace && containedBy(pid, holder)
		if err != nil || (ns != namespace && !inContainer) {
			continue
		}
		m, err := readMember(pid)
		if err != nil {
			continue // ended meanwhile
		}
		m.node = !inContainer && !strings.HasPrefix(m.command, "containerd-shim")
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b member) int { return a.pid - b.pid })
	return all, nil
}

// containedBy reports whether the process descends from the holder: a
// container has a process namespace of its own, below the cluster's.
func containedBy(pid, holder int) bool {
	for pid > 1 {
		if pid == holder {
			return true
		}
		status, err := readStatus(pid)
		if err != nil {
			return false
		}
		pid, _ = strconv.Atoi(status["PPid"])
	}
	return false
}

func readMember(pid int) (member, error) {
	status, err := readStatus(pid)
	if err != nil {
		return member{}, err
	}
	m := member{pid: pid, command: status["Name"]}
	if kib, _, ok := strings.Cut(status["VmRSS"], " "); ok {
		n, _ := strconv.ParseInt(kib, 10, 64)
		m.rss = n << 10
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return member{}, err
	}
	argv := strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
	if argv[0] == "" {
		return member{}, errors.New("zombie")
	}
	m.command = filepath.Base(argv[0])
	if m.command == "testbed" && len(argv) > 1 {
		m.command += " " + argv[1]
	}
	return m, nil
}

func readStatus(pid int) (map[string]string, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			fields[name] = strings.TrimSpace(value)
		}
	}
	return fields, nil
}
