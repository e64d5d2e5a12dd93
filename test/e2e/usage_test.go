package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/procfs"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// usage is what processes of the product take of the machine.
type usage struct {
	begun     time.Time
	processes []measured
}

// measured is a process, with the seconds of a processor that it had used at the begin.
type measured struct {
	procfs.Proc
	name   string
	before float64
}

// newUsage begins to measure the controllers and one Envoy of the Gateway "web".
func newUsage(t *testing.T, c *cluster.Cluster, namespace string) usage {
	t.Helper()
	u := usage{begun: time.Now()}
	add := func(name, of, selector, command string) {
		for i, pod := range c.Pods(t, of, selector) {
			for _, process := range cluster.Processes(t, &pod, command) {
				stat, err := process.Stat()
				if err != nil {
					t.Fatal(err)
				}
				u.processes = append(u.processes, measured{process, fmt.Sprint(name, i), stat.CPUTime()})
			}
		}
	}
	add("controller", controllers, controllerPods, controllerName)
	add("envoy", namespace, "gateway.networking.k8s.io/gateway-name=web", "envoy")
	return u
}

// since is a line of figures: resident memory in MiB, and thousandths of a processor since the begin, by process.
func (u usage) since(t *testing.T) string {
	t.Helper()
	var figures []string
	for _, process := range u.processes {
		stat, err := process.Stat()
		if err != nil {
			t.Fatal(err)
		}
		figures = append(figures, fmt.Sprintf("%s_rss_mib=%d %s_millicores=%.1f", process.name, stat.ResidentMemory()>>20,
			process.name, 1000*(stat.CPUTime()-process.before)/time.Since(u.begun).Seconds()))
	}
	return strings.Join(figures, " ")
}
