package clients

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
)

// inProcess makes a client of a function of this program.
func inProcess(do func(context.Context, Job) (Report, error)) func(*testing.T, []Job, func(Report)) {
	return func(t *testing.T, jobs []Job, report func(Report)) {
		for _, j := range jobs {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			r, err := do(ctx, j)
			cancel()
			if r.ID = j.ID; err != nil {
				r.Error = err.Error()
			}
			report(r)
		}
	}
}

// authority trusts the gateway.
func (j Job) authority() (*x509.CertPool, error) {
	text, err := os.ReadFile(j.Authority)
	if err != nil {
		return nil, err
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(text) {
		return nil, errors.New("no certificate")
	}
	return trusted, nil
}

// netHTTP is Go's net/http.
func netHTTP(ctx context.Context, j Job) (Report, error) {
	trusted, err := j.authority()
	if err != nil {
		return Report{}, err
	}
	protocols := &http.Protocols{}
	protocols.SetHTTP1(j.Protocol.version() == "1")
	protocols.SetHTTP2(j.Protocol == HTTPS2)
	protocols.SetUnencryptedHTTP2(j.Protocol == HTTP2)
	transport := &http.Transport{
		Protocols: protocols, TLSClientConfig: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12},
		ExpectContinueTimeout: limit,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, j.Address)
		},
	}
	defer transport.CloseIdleConnections()
	w := &webClient{Client: &http.Client{Transport: transport}, job: j}
	return w.exchange(ctx)
}

type webClient struct {
	*http.Client
	job    Job
	report Report
}

func (w *webClient) exchange(ctx context.Context) (Report, error) {
	request, err := w.request(ctx)
	if err != nil {
		return w.report, err
	}
	response, err := w.Do(request)
	if err != nil {
		return w.report, err
	}
	defer func() { _ = response.Body.Close() }()
	w.report.Status, w.report.Version = response.StatusCode, strconv.Itoa(response.ProtoMajor)
	w.report.Seen, w.report.SeenTrailer = response.Header.Get(seenHeader), response.Header.Get(seenTrailerHeader)
	var body []byte
	if w.job.Exchange == Events {
		body, err = w.events(ctx, response.Body)
	} else {
		body, err = io.ReadAll(response.Body)
	}
	w.report.Received, w.report.Trailer = sum(body), response.Trailer.Get(sumTrailer)
	return w.report, err
}

func (w *webClient) request(ctx context.Context) (*http.Request, error) {
	content, err := os.ReadFile(w.job.Body)
	if err != nil {
		return nil, err
	}
	method, body := http.MethodPost, io.Reader(bytes.NewReader(content))
	switch w.job.Exchange {
	case Empty, Events:
		method, body = http.MethodGet, nil
	case Chunked, Trailers:
		body = io.MultiReader(body) // without a length
	case Upload:
		body = w.pieces(ctx)
	default:
	}
	request, err := http.NewRequestWithContext(ctx, method, w.job.url(), body)
	if err != nil {
		return nil, err
	}
	switch w.job.Exchange {
	case Expect:
		request.Header.Set("Expect", "100-continue")
	case Trailers:
		request.Trailer = http.Header{sentHeader: {w.job.Trailer}}
	default:
	}
	return request, nil
}

// pieces are sent one after the backend got the one before.
func (w *webClient) pieces(ctx context.Context) io.Reader {
	reader, writer := io.Pipe()
	go func() {
		for i, piece := range w.job.Pieces {
			if _, err := io.WriteString(writer, piece); err != nil {
				return
			}
			if err := w.ask(ctx, "arrived", i+1); err != nil {
				writer.CloseWithError(err)
				return
			}
			w.report.Pieces++
		}
		_ = writer.Close()
	}()
	return reader
}

func (w *webClient) events(ctx context.Context, stream io.Reader) (body []byte, err error) {
	lines := bufio.NewScanner(stream)
	for lines.Scan() {
		data, is := strings.CutPrefix(lines.Text(), "data: ")
		if !is || data == "[DONE]" {
			continue
		}
		var piece string
		if err := json.Unmarshal([]byte(data), &piece); err != nil {
			return body, err
		}
		body = append(body, piece...)
		w.report.Pieces++
		if err := w.ask(ctx, "acknowledge", w.report.Pieces); err != nil {
			return body, err
		}
	}
	return body, lines.Err()
}

// ask sends a question about a piece.
func (w *webClient) ask(ctx context.Context, question string, piece int) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.job.ask(question, piece), nil)
	if err != nil {
		return err
	}
	response, err := w.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s of piece %d: %s", question, piece, response.Status)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}
