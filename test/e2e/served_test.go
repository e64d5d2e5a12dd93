package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kedify/inference-gateway/test/e2e/internal/cluster"
)

// fault keeps an application from serving.
type fault struct {
	// plant changes the workload with its Service before they are applied; nil: they are as they should be.
	plant func(workload string) string
	// before and repair are what a change of the workload does not do. Nil: nothing, and the workload as it should be.
	before, repair func(t *testing.T, c *cluster.Cluster, namespace, name string)
	// reason and part of the message of Served.
	reason, part string
}

// workloadWith replaces a text of the workload.
func workloadWith(old, replacement string) func(string) string {
	return func(workload string) string { return strings.Replace(workload, old, replacement, 1) }
}

const quotaYAML = `
apiVersion: v1
kind: ResourceQuota
metadata: {name: tight}
spec: {hard: {pods: "%d"}}
`

const image = "image: registry.k8s.io/gateway-api/echo-basic:v1.5.1"

var faults = map[string]fault{
	"image": {
		plant:  workloadWith(image, "image: registry.invalid/gone:1"),
		reason: "PodsNotReady", part: "container echo: ImagePullBackOff: ",
	},
	"selector": {
		plant:  workloadWith("  selector: {app: selector}\n", "  selector: {app: other}\n"),
		reason: "NoEndpoints",
		part:   "1 of 1 replicas of Deployment selector are ready, none selected by Service selector: its selector is app=other",
	},
	"node": {
		plant:  workloadWith("      containers:", "      nodeSelector: {example.com/node: nowhere}\n      containers:"),
		reason: "PodsNotReady", part: "Unschedulable: 0/",
	},
	"crash": {
		plant:  workloadWith("        env:\n", "        env:\n        - {name: HTTP_PORT, value: none}\n"),
		reason: "PodsNotReady", part: "with exit code ",
	},
	"secret": {
		plant:  workloadWith("        env:\n", "        env:\n        - {name: KEY, valueFrom: {secretKeyRef: {name: gone, key: a}}}\n"),
		reason: "PodsNotReady", part: `CreateContainerConfigError: secret "gone" not found`,
	},
	"port": {
		plant:  workloadWith("targetPort: 3000", "targetPort: web"),
		reason: "PortNotFound", part: `the targetPort of Service port is "web"`,
	},
	"quota": {
		before: func(t *testing.T, c *cluster.Cluster, namespace, _ string) {
			c.Apply(t, namespace, fmt.Sprintf(quotaYAML, len(c.Pods(t, namespace, ""))))
		},
		repair: func(t *testing.T, c *cluster.Cluster, namespace, _ string) {
			c.Apply(t, namespace, fmt.Sprintf(quotaYAML, 50))
		},
		reason: "QuotaExceeded", part: "exceeded quota: tight",
	},
}

// TestServed plants faults that keep applications from serving the requests that wait for them. Each shows in condition Served
// with its cause, in Ready and in one event; when it is repaired, a request is served, and the condition is True.
func TestServed(t *testing.T) {
	c := cluster.Connect(t)
	namespace := c.Namespace(t)
	for name, planted := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := namespace
			if planted.before != nil {
				in = c.Namespace(t) // a quota is about all Pods of a namespace
			}
			planted.shows(t, c, in, name)
		})
	}
}

func (f fault) shows(t *testing.T, c *cluster.Cluster, namespace, name string) {
	host, trigger := name+".test", name+"-0"
	good := render(t, workloadYAML, workload{Name: name})
	bad := good
	if f.plant != nil {
		if bad = f.plant(good); bad == good {
			t.Fatal("the fault is not planted")
		}
	}
	c.Apply(t, namespace, bad)
	c.Apply(t, namespace, render(t, scaledYAML, scaled{
		Name: name, Host: host, Max: 1, Metric: "requestRate", Target: 10,
		More: []string{"holdTimeout: 10s"}, // longer than containers take to start
	}))
	c.ScalerHas(t, namespace, trigger, cluster.Accepted, cluster.ResolvedRefs)
	address := c.GatewayReady(t, namespace, proxyName) + ":8080"
	probe(t, address, host, "/alive")
	ready := cluster.Condition{Type: "Ready", Status: metav1.ConditionTrue}
	c.ScalerHas(t, namespace, trigger, ready)
	if f.before != nil {
		f.before(t, c, namespace, name)
	}

	served := askUntilServed(t, address, host)
	unserved := cluster.Condition{Type: "Served", Status: metav1.ConditionFalse, Reason: f.reason}
	c.ScalerHas(t, namespace, trigger, unserved, cluster.Condition{Type: "Ready", Status: metav1.ConditionFalse, Reason: f.reason})
	cluster.Eventually(t, 30*time.Second, func() error { // a Pod may have been seen before it had failed once
		message := meta.FindStatusCondition(c.ScalerHas(t, namespace, trigger, unserved).Status.Conditions, "Served").Message
		if !strings.Contains(message, f.part) {
			return fmt.Errorf("Served says %q, want %q", message, f.part)
		}
		return nil
	})
	note := c.EventAbout(t, namespace, "ScaledObject", name, "requests wait and nothing answers them")
	if !strings.HasPrefix(note, f.reason+": ") {
		t.Errorf("event %q, want %s", note, f.reason)
	}

	if f.repair != nil {
		f.repair(t, c, namespace, name)
	} else {
		c.Apply(t, namespace, good)
	}
	select {
	case <-served:
	case <-time.After(time.Minute):
		t.Fatal("no request was served a minute after the repair")
	}
	c.ScalerHas(t, namespace, trigger, cluster.Condition{Type: "Served", Status: metav1.ConditionTrue}, ready)
	if count := warnings(t, c, namespace, name); count != 1 {
		t.Errorf("%d events of one episode", count)
	}
}

// askUntilServed sends one request after the other, as a client does that is told to come again, until one is answered 200.
func askUntilServed(t *testing.T, address, host string) <-chan struct{} {
	served := make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	t.Cleanup(func() { stop(); asking.Wait() })
	asking.Go(func() {
		for ctx.Err() == nil {
			if got, err := ask(address, host, "/", ""); err == nil && got.status == http.StatusOK {
				close(served)
				return
			}
			select {
			case <-time.After(500 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	})
	return served
}

// warnings counts the events about episodes of a ScaledObject, with their repetitions.
func warnings(t *testing.T, c *cluster.Cluster, namespace, name string) (count int) {
	t.Helper()
	list, err := c.Clients.CoreV1().Events(namespace).List(t.Context(), metav1.ListOptions{
		FieldSelector: "involvedObject.kind=ScaledObject,involvedObject.name=" + name,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range list.Items {
		if event.Type == corev1.EventTypeWarning && strings.Contains(event.Message, "requests wait and nothing answers them") {
			count++
			if event.Series != nil {
				count += int(event.Series.Count) - 1
			}
		}
	}
	return count
}
