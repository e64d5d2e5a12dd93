package reach

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

// apiServer serves the subresources of Pods as an API server does that takes no WebSockets.
type apiServer struct {
	// ports are what the Pods listen on, by "pod:port".
	ports map[string]string
	// output of a command, and its failure; asked is the last command.
	output, failure string
	asked           []string
}

func (s *apiServer) start(t *testing.T, pods ...string) *Cluster {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	c, err := New(&rest.Config{Host: server.URL}, "kedify-system")
	if err != nil {
		t.Fatal(err)
	}
	var objects []client.Object
	for _, name := range pods {
		objects = append(objects, &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "kedify-system", Name: name, Labels: ControllerLabels},
			Status:     corev1.PodStatus{Phase: corev1.PodRunning},
		})
	}
	c.Client = fake.NewClientBuilder().WithObjects(objects...).Build()
	return c
}

// ServeHTTP implements http.Handler.
func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(r.URL.Path, "/") // /api/v1/namespaces/NAMESPACE/pods/NAME/SUBRESOURCE
	if r.Header.Get("Upgrade") == "websocket" || len(parts) != 8 {
		http.Error(w, "no WebSockets here", http.StatusBadRequest)
		return
	}
	streams := make(chan httpstream.Stream, 8)
	if parts[7] == "portforward" {
		w.Header().Set(httpstream.HeaderProtocolVersion, "portforward.k8s.io")
	} else {
		w.Header().Set(httpstream.HeaderProtocolVersion, "v4.channel.k8s.io")
	}
	connection := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(stream httpstream.Stream, _ <-chan struct{}) error {
		streams <- stream
		return nil
	})
	if connection == nil {
		return
	}
	defer connection.Close()
	if parts[7] == "portforward" {
		s.forward(parts[6], streams)
		return
	}
	s.asked = r.URL.Query()["command"]
	s.execute(streams)
}

func (s *apiServer) forward(pod string, streams chan httpstream.Stream) {
	failures, data := <-streams, <-streams
	target, err := net.Dial("tcp", s.ports[pod+":"+data.Headers().Get(corev1.PortHeader)])
	if err != nil {
		fmt.Fprintf(failures, "nothing listens in Pod %s", pod)
		failures.Close()
		data.Close()
		time.Sleep(100 * time.Millisecond) // for the client to read it
		return
	}
	failures.Close()
	defer target.Close()
	go func() { _, _ = io.Copy(target, data) }()
	_, _ = io.Copy(data, target)
	data.Close()
	time.Sleep(100 * time.Millisecond)
}

func (s *apiServer) execute(streams chan httpstream.Stream) {
	byType := map[string]httpstream.Stream{}
	for range 3 {
		stream := <-streams
		byType[stream.Headers().Get(corev1.StreamType)] = stream
	}
	_, _ = io.WriteString(byType[corev1.StreamTypeStdout], s.output)
	byType[corev1.StreamTypeStdout].Close()
	status := metav1.Status{Status: metav1.StatusSuccess}
	if s.failure != "" {
		_, _ = io.WriteString(byType[corev1.StreamTypeStderr], s.failure)
		status = metav1.Status{Status: metav1.StatusFailure, Message: "exit code 1"}
	}
	byType[corev1.StreamTypeStderr].Close()
	_ = json.NewEncoder(byType[corev1.StreamTypeError]).Encode(status)
	byType[corev1.StreamTypeError].Close()
	time.Sleep(100 * time.Millisecond)
}

// view is a replica that answers its name at /demand, and a text at /text.
func view(t *testing.T, name string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/demand":
			fmt.Fprintf(w, "[%q]", name)
		case "/text":
			fmt.Fprint(w, "no JSON")
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// Every replica is asked, and one that does not answer keeps no other from being heard.
func TestViewsOfAllReplicas(t *testing.T) {
	api := &apiServer{ports: map[string]string{"a:8082": view(t, "a"), "b:8082": view(t, "b"), "a:8080": view(t, "metrics")}}
	c := api.start(t, "a", "b", "dead")
	values, err := Ask[[]string](context.Background(), c.Views, "/demand")
	if len(values) != 2 || values["a"][0] != "a" || values["b"][0] != "b" {
		t.Errorf("%v", values)
	}
	if err == nil || !strings.Contains(err.Error(), "replica dead: ") {
		t.Errorf("%v", err)
	}
	if values, err := Ask[[]string](context.Background(), c.Views, "/missing"); len(values) != 0 || !strings.Contains(fmt.Sprint(err), "404") {
		t.Errorf("%v %v", values, err)
	}
	values, err = Ask[[]string](context.Background(), c.Views, "/text")
	if len(values) != 0 || !strings.Contains(fmt.Sprint(err), "no JSON of view /text") {
		t.Errorf("%v %v", values, err)
	}
	if values, err := Ask[[]string](context.Background(), At(view(t, "local")), "/demand"); err != nil || len(values) != 1 {
		t.Errorf("%v %v", values, err)
	}
	none := (&apiServer{}).start(t)
	if _, err := none.Views.Get(context.Background(), "/demand"); !errors.Is(err, ErrNoReplica) {
		t.Errorf("%v", err)
	}
}

func TestExec(t *testing.T) {
	api := &apiServer{output: "answer"}
	c, pod := api.start(t), types.NamespacedName{Namespace: "shop", Name: "web"}
	out, err := c.Exec(context.Background(), pod, "shutdown", []string{"/kedify-gateway", "admin", "GET", "/stats"}, 100)
	if err != nil || string(out) != "answer" || strings.Join(api.asked, " ") != "/kedify-gateway admin GET /stats" {
		t.Errorf("%q %v, asked %q", out, err, api.asked)
	}
	if _, err := c.Exec(context.Background(), pod, "shutdown", []string{"x"}, 3); !errors.Is(err, ErrTooLong) {
		t.Errorf("%v", err)
	}
	api.failure = "error: not asked"
	if _, err := c.Exec(context.Background(), pod, "shutdown", []string{"x"}, 100); !strings.Contains(fmt.Sprint(err), "error: not asked") {
		t.Errorf("%v", err)
	}
}
