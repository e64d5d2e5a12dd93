package clients

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// curl is started for each cell, as people do.
func curl(t *testing.T, jobs []Job, report func(Report)) {
	folder := t.TempDir()
	inProcess(func(ctx context.Context, j Job) (Report, error) {
		c := &curlRun{job: j, headers: filepath.Join(folder, strconv.Itoa(j.ID)+".headers")}
		return c.exchange(ctx)
	})(t, jobs, report)
}

type curlRun struct {
	job     Job
	headers string // a file
	report  Report
}

// options are those of every call.
func (c *curlRun) options() []string {
	version := map[Protocol]string{
		HTTP10: "--http1.0", HTTP11: "--http1.1", HTTPS11: "--http1.1",
		HTTP2: "--http2-prior-knowledge", Upgrade: "--http2", HTTPS2: "--http2",
	}[c.job.Protocol]
	return []string{
		"--silent", "--show-error", "--no-buffer", "--max-time", strconv.Itoa(c.job.Limit), version, "--cacert", c.job.Authority,
		"--resolve", fmt.Sprintf("%s:%d:127.0.0.1", c.job.Host, c.job.Port),
	}
}

func (c *curlRun) exchange(ctx context.Context) (Report, error) {
	args := append(c.options(), "--dump-header", c.headers)
	content := []string{"--header", "content-type: text/plain", "--data-binary", "@" + c.job.Body}
	switch c.job.Exchange {
	case Empty, Events:
		content = nil
	case Chunked, Trailers:
		if c.job.Protocol.version() == "1" {
			content = append(content, "--header", "transfer-encoding: chunked")
		} else {
			// From a pipe, which has no length.
			content = []string{"--request", "POST", "--upload-file", "-"}
		}
	case Expect:
		content = append(content, "--header", "expect: 100-continue")
	default:
		content = append(content, "--header", "expect:")
	}
	command := exec.CommandContext(ctx, "curl", append(append(args, content...), c.job.url())...)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	if len(content) > 0 && content[0] == "--request" {
		body, err := os.Open(c.job.Body)
		if err != nil {
			return c.report, err
		}
		defer func() { _ = body.Close() }()
		command.Stdin = body
	}
	output, err := command.StdoutPipe()
	if err != nil {
		return c.report, err
	}
	if err := command.Start(); err != nil {
		return c.report, err
	}
	body, err := c.read(ctx, output)
	c.report.Received = sum(body)
	if ended := command.Wait(); ended != nil {
		return c.report, fmt.Errorf("%w: %s", ended, complaint.String())
	}
	if err != nil {
		return c.report, err
	}
	return c.report, c.readHeaders()
}

func (c *curlRun) read(ctx context.Context, output io.Reader) ([]byte, error) {
	if c.job.Exchange != Events {
		return io.ReadAll(output)
	}
	var body []byte
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		piece, is := strings.CutPrefix(lines.Text(), `data: "`)
		if !is {
			continue
		}
		body = append(body, strings.TrimSuffix(piece, `"`)...)
		c.report.Pieces++
		told := exec.CommandContext(ctx, "curl", append(c.options(), "--fail", c.job.ask("acknowledge", c.report.Pieces))...)
		if text, err := told.CombinedOutput(); err != nil {
			return body, fmt.Errorf("acknowledge: %w: %s", err, text)
		}
	}
	return body, lines.Err()
}

// readHeaders reads what curl wrote: the headers of each answer, interim ones among them, and trailers.
func (c *curlRun) readHeaders() error {
	text, err := os.ReadFile(c.headers)
	if err != nil {
		return err
	}
	for _, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if version, rest, is := strings.Cut(strings.TrimPrefix(line, "HTTP/"), " "); is && strings.HasPrefix(line, "HTTP/") {
			c.report.Version, _, _ = strings.Cut(version, ".")
			status, _, _ := strings.Cut(rest, " ")
			if c.report.Status, err = strconv.Atoi(status); err != nil {
				return err
			}
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		switch http.CanonicalHeaderKey(name) {
		case http.CanonicalHeaderKey(seenHeader):
			c.report.Seen = strings.TrimSpace(value)
		case http.CanonicalHeaderKey(sumTrailer):
			c.report.Trailer = strings.TrimSpace(value)
		}
	}
	return nil
}
