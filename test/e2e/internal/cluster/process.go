package cluster

import (
	"strings"
	"testing"

	"github.com/prometheus/procfs"
	corev1 "k8s.io/api/core/v1"
)

// Processes returns those of a Pod with a command, the name of its executable file, on the node of the testbed: it is this machine.
func Processes(t testing.TB, pod *corev1.Pod, command string) (found procfs.Procs) {
	t.Helper()
	all, err := procfs.AllProcs()
	if err != nil {
		t.Fatal(err)
	}
	for _, process := range all {
		name, nameErr := process.Comm()
		cgroups, err := process.Cgroups()
		if nameErr != nil || err != nil || name != command { // it may have ended meanwhile
			continue
		}
		for _, cgroup := range cgroups {
			if strings.Contains(cgroup.Path, "/pod"+string(pod.UID)+"/") {
				found = append(found, process)
				break
			}
		}
	}
	if len(found) == 0 {
		t.Fatalf("Pod %s/%s has no process %s on this machine", pod.Namespace, pod.Name, command)
	}
	return found
}
