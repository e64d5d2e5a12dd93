package clients

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// limit is how long a cell may take, with room for a machine that does other things.
const limit = 10 * time.Second

// Job is a Cell as a client program reads it: one line of JSON each.
type Job struct {
	ID       int      `json:"id"`
	Exchange Exchange `json:"exchange"`
	Protocol Protocol `json:"protocol"`
	// Base is the URL of the target, to which "/" and the exchange are appended. Two more paths belong to
	// exchanges in pieces: "acknowledge" tells the backend that a piece was received, and "arrived" is
	// answered when the backend has got one; the parameters of both are id and piece, from 1.
	Base string `json:"base"`
	// Host and Port are those of the URL, Address is where the gateway listens: no resolver knows Host.
	Host    string `json:"host"`
	Port    int    `json:"port"`
	Address string `json:"address"`
	// Target is the service of gRPC.
	Target string `json:"target"`
	// Body is a file, which is sent in one piece; Pieces are sent one by one.
	Body   string   `json:"body"`
	Pieces []string `json:"pieces"`
	// Trailer is the value of the trailer x-sent.
	Trailer string `json:"trailer"`
	// Authority is a file with the certificate that the gateway's is verified with.
	Authority string `json:"authority"`
	// Limit in seconds.
	Limit int `json:"limit"`
}

func (j Job) url() string { return fmt.Sprintf("%s/%s?id=%d", j.Base, j.Exchange, j.ID) }

// ask is the URL of a question about a piece.
func (j Job) ask(question string, piece int) string {
	return fmt.Sprintf("%s/%s?id=%d&piece=%d", j.Base, question, j.ID, piece)
}

// Desk makes jobs of cells.
type Desk struct {
	gateway *Gateway
	folder  string // of the bodies
}

// newDesk writes the bodies to files.
func newDesk(t *testing.T, gateway *Gateway) *Desk {
	t.Helper()
	d := &Desk{gateway: gateway, folder: t.TempDir()}
	for name, content := range map[string][]byte{"empty": nil, "small": small, "large": large} {
		if err := os.WriteFile(filepath.Join(d.folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// patience is how long the gateway may take until it serves all that it has acknowledged.
const patience = time.Minute

// await asks until every target is served on every host: Envoy acknowledges what it has, and its worker takes it a
// moment later.
func (d *Desk) await(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, protocol := range []Protocol{HTTP11, HTTPS11} {
		for _, host := range Hosts {
			for _, target := range All[0].targets() {
				probe := d.job(-1, Cell{Exchange: Empty, Protocol: protocol, Host: host, Target: target})
				for {
					r, err := netHTTP(ctx, probe)
					if r.Status == http.StatusOK {
						break
					}
					if ctx.Err() != nil {
						t.Fatalf("%s on %s: %d, %v", target.Name, host.Kind, r.Status, err)
					}
				}
			}
		}
	}
}

func (d *Desk) job(id int, c Cell) Job {
	scheme, port := "http", d.gateway.Port
	if c.Protocol.secure() {
		scheme, port = "https", d.gateway.SecurePort
	}
	name := "empty"
	switch len(c.Exchange.sent()) {
	case len(small):
		name = "small"
	case len(large):
		name = "large"
	}
	return Job{
		ID: id, Exchange: c.Exchange, Protocol: c.Protocol,
		Base: fmt.Sprintf("%s://%s:%d/%s", scheme, c.Host.Name, port, c.Target.Name),
		Host: c.Host.Name, Port: port, Address: "127.0.0.1:" + strconv.Itoa(port), Target: c.Target.Name,
		Body: filepath.Join(d.folder, name), Pieces: pieces, Trailer: sentTrailer, Authority: d.gateway.Authority,
		Limit: int(limit / time.Second),
	}
}
