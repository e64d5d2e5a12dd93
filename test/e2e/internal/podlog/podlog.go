// Package podlog reads what pods print while they come and go.
//
// Job: count on the side of the pods, where a proxy cannot hide a request that it sent twice.
// Inputs: a namespace and a label selector.
// Outputs: every line that a container of these pods prints, each once.
// Ownership: one goroutine watches for pods and one reads each container; Stop ends them.
package podlog

import (
	"bufio"
	"context"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Reader follows the logs of pods.
type Reader struct {
	clients   kubernetes.Interface
	namespace string
	selector  string
	line      func(pod, text string)

	cancel  context.CancelFunc
	readers sync.WaitGroup
	seen    map[string]bool
}

// Follow begins with what pods have printed already. line is called by several goroutines. The
// test stops it at its end at the latest.
func Follow(t testing.TB, clients kubernetes.Interface, namespace, selector string, line func(pod, text string)) *Reader {
	ctx, cancel := context.WithCancel(context.Background())
	r := &Reader{clients: clients, namespace: namespace, selector: selector, line: line, cancel: cancel, seen: map[string]bool{}}
	r.readers.Go(func() { r.watch(ctx) })
	t.Cleanup(func() { r.Stop() })
	return r
}

// Stop ends the reading. Lines that were printed a moment ago may be missing: wait for the
// last one that matters first.
func (r *Reader) Stop() {
	r.cancel()
	r.readers.Wait()
}

// watch looks for pods with a container that runs or ran.
func (r *Reader) watch(ctx context.Context) {
	for ctx.Err() == nil {
		pods, err := r.clients.CoreV1().Pods(r.namespace).List(ctx, metav1.ListOptions{LabelSelector: r.selector})
		if err == nil {
			for _, pod := range pods.Items {
				if started(pod) && !r.seen[pod.Name] {
					r.seen[pod.Name] = true
					r.readers.Go(func() { r.read(ctx, pod.Name) })
				}
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func started(pod corev1.Pod) bool {
	for _, status := range pod.Status.ContainerStatuses {
		if status.State.Running != nil || status.State.Terminated != nil {
			return true
		}
	}
	return false
}

func (r *Reader) read(ctx context.Context, pod string) {
	stream, err := r.clients.CoreV1().Pods(r.namespace).GetLogs(pod, &corev1.PodLogOptions{Follow: true}).Stream(ctx)
	if err != nil {
		return
	}
	defer stream.Close()
	for lines := bufio.NewScanner(stream); lines.Scan(); {
		r.line(pod, lines.Text())
	}
}
