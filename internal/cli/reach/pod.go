package reach

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/utils/ptr"
)

// execTime bounds a command in a Pod.
const execTime = 30 * time.Second

// ErrTooLong says that a command wrote more than is taken.
var ErrTooLong = errors.New("the output is too long")

// Exec runs a command in a container of a Pod and returns what it writes, at most limit bytes.
func (c *Cluster) Exec(ctx context.Context, pod types.NamespacedName, container string, command []string, limit int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, execTime)
	defer cancel()
	url := c.Core.CoreV1().RESTClient().Post().Resource("pods").Namespace(pod.Namespace).Name(pod.Name).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: container, Command: command, Stdout: true, Stderr: true}, scheme.ParameterCodec).URL()
	sockets, err := remotecommand.NewWebSocketExecutor(c.Config, http.MethodGet, url.String())
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	plain, err := remotecommand.NewSPDYExecutor(c.Config, http.MethodPost, url)
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	executor, err := remotecommand.NewFallbackExecutor(sockets, plain, takesNoWebSockets)
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	out, problems := &bounded{limit: limit}, &bounded{limit: maxComplaint}
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: out, Stderr: problems})
	switch {
	case out.over:
		return nil, fmt.Errorf("%s in Pod %s: %w: more than %d bytes", command[0], pod, ErrTooLong, limit)
	case err != nil:
		return nil, fmt.Errorf("%s in Pod %s: %w: %s", command[0], pod, err, bytes.TrimSpace(problems.taken))
	}
	return out.taken, nil
}

// Logs returns the end of the log of a container, at most limit bytes.
func (c *Cluster) Logs(ctx context.Context, pod types.NamespacedName, container string, limit int) ([]byte, error) {
	stream, err := c.Core.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{
		Container: container, Timestamps: true, TailLines: ptr.To(int64(limit / bytesOfLine)), LimitBytes: ptr.To(int64(limit)),
	}).Stream(ctx)
	if err != nil {
		return nil, fmt.Errorf("log of Pod %s: %w", pod, err)
	}
	defer stream.Close()
	return io.ReadAll(io.LimitReader(stream, int64(limit)))
}

// bytesOfLine is a long line of a log: the API server cuts a log at its end, and the end is what matters.
const bytesOfLine = 512

// bounded takes so many bytes and says whether there were more. It is no bytes.Buffer: the ReadFrom of one knows no bound.
type bounded struct {
	taken []byte
	limit int
	over  bool
}

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	if len(b.taken)+len(p) > b.limit {
		b.over = true
		return 0, ErrTooLong
	}
	b.taken = append(b.taken, p...)
	return len(p), nil
}
