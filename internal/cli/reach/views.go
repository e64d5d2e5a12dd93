package reach

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// MaxReplicas of a control plane that are asked.
	MaxReplicas = 32
	// LocalViews is where a replica serves views to its own Pod (--debug-listen), viewsPort the port of it, metricsPort where it
	// serves MetricsPath to all.
	LocalViews  = "127.0.0.1:8082"
	viewsPort   = 8082
	metricsPort = 8080
	// viewTime bounds a question to a replica, viewSize its answer in bytes.
	viewTime = 10 * time.Second
	viewSize = 64 << 20
)

// MetricsPath is asked like a view, and answers the text of Prometheus.
const MetricsPath = "/metrics"

// ErrNoReplica says that no Pod of the control plane runs.
var ErrNoReplica = errors.New("no replica of the control plane runs")

// Views asks for a debug view of every replica of the control plane.
type Views interface {
	// Get returns an answer for each replica, in the order of their names. The error says that there is none to ask.
	Get(ctx context.Context, path string) ([]Answer, error)
}

// Answer is what one replica said.
type Answer struct {
	Replica string
	Body    []byte
	Err     error
}

// Ask reads a view of all replicas into values of its type, by replica. The error joins those of the replicas that did not answer;
// the values of the others stand.
func Ask[T any](ctx context.Context, views Views, path string) (map[string]T, error) {
	answers, err := views.Get(ctx, path)
	if err != nil {
		return nil, err
	}
	values, failures := map[string]T{}, []error(nil)
	for _, answer := range answers {
		var value T
		if err := answer.Err; err != nil {
			failures = append(failures, fmt.Errorf("replica %s: %w", answer.Replica, err))
		} else if err := json.Unmarshal(answer.Body, &value); err != nil {
			failures = append(failures, fmt.Errorf("replica %s answered no JSON of view %s: %w", answer.Replica, path, err))
		} else {
			values[answer.Replica] = value
		}
	}
	return values, errors.Join(failures...)
}

// replicas are the Pods of the control plane, behind the API server.
type replicas struct{ cluster *Cluster }

// Get implements Views.
func (r *replicas) Get(ctx context.Context, path string) ([]Answer, error) {
	pods, err := Controllers(ctx, r.cluster.Client, r.cluster.System)
	if err != nil {
		return nil, err
	}
	var answers []Answer
	for i := range pods {
		if pods[i].Status.Phase == corev1.PodRunning && pods[i].DeletionTimestamp == nil {
			answers = append(answers, Answer{Replica: pods[i].Name})
		}
	}
	if len(answers) == 0 {
		return nil, fmt.Errorf("%w in namespace %s; name the one of the installation with --system", ErrNoReplica, r.cluster.System)
	}
	var asked sync.WaitGroup
	for i := range answers {
		asked.Go(func() { answers[i].Body, answers[i].Err = r.ask(ctx, answers[i].Replica, path) })
	}
	asked.Wait()
	return answers, nil
}

func (r *replicas) ask(ctx context.Context, pod, path string) ([]byte, error) {
	port := viewsPort
	if path == MetricsPath {
		port = metricsPort
	}
	return get(ctx, path, func(ctx context.Context, _, _ string) (net.Conn, error) {
		return r.cluster.dialPod(ctx, types.NamespacedName{Namespace: r.cluster.System, Name: pod}, port)
	})
}

// At returns the views of the one replica that listens at an address.
func At(address string) Views { return at(address) }

type at string

// Get implements Views.
func (a at) Get(ctx context.Context, path string) ([]Answer, error) {
	body, err := get(ctx, path, func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, string(a))
	})
	if err != nil {
		return nil, fmt.Errorf("ask the controller at %s: %w", string(a), err)
	}
	return []Answer{{Replica: string(a), Body: body}}, nil
}

// get reads a view over a connection.
func get(ctx context.Context, path string, dial func(context.Context, string, string) (net.Conn, error)) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, viewTime)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	host := net.JoinHostPort("localhost", strconv.Itoa(viewsPort))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, viewSize+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > viewSize:
		return nil, fmt.Errorf("view %s has more than %d bytes", path, viewSize)
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("view %s answered %s: %s", path, response.Status, shortened(body))
	}
	return body, nil
}

// shortened is the beginning of an answer that is shown in an error.
func shortened(body []byte) string {
	const shown = 200
	return string(body[:min(len(body), shown)])
}
