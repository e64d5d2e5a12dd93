package attack

import (
	"flag"
	"os"
	"testing"

	"github.com/kedify/inference-gateway/xds/resource"
)

// atOnce is how many rows run at once: most of them wait until the proxy ends a connection, and cost nothing meanwhile.
const atOnce = "32"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", atOnce); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// TestAttacks sends all attacks of clients to one site.
func TestAttacks(t *testing.T) {
	s := newSite(t)
	t.Run("framing", func(t *testing.T) { s.run(t, "framing", framing) })
	t.Run("parsing", func(t *testing.T) { s.run(t, "parsing", parsing) })
	t.Run("hosts", func(t *testing.T) { s.run(t, "hosts", hosts) })
	t.Run("headers", func(t *testing.T) { s.run(t, "headers", headers) })
	t.Run("paths", func(t *testing.T) { s.testPaths(t) })
	t.Run("fields of HTTP2", func(t *testing.T) { s.runFrames(t, fields2) })
	t.Run("frames of HTTP2", func(t *testing.T) { s.runFrames(t, broken2) })
	t.Run("answers", func(t *testing.T) { s.testAnswers(t) })
	t.Run("picks", func(t *testing.T) { s.testPicks(t) })
	t.Run("wishes", func(t *testing.T) { s.testWishes(t) })
	t.Run("floods", func(t *testing.T) { s.runFloods(t) })
	s.neighbours.end()
	s.judge(t, "evil-")
	s.judgeLog(t)
	t.Logf("%d requests of the victim's clients, the slowest %s", s.neighbours.requests, s.neighbours.slowest)
}

// atLeast is how many attacks there have to be.
const atLeast = 60

// TestCount: the tables do not shrink unseen, and no two rows can be mistaken for each other.
func TestCount(t *testing.T) {
	var names []string
	for group, rows := range map[string][]raw{"framing": framing, "parsing": parsing, "hosts": hosts, "headers": headers} {
		for _, r := range rows {
			names = append(names, group+" "+r.name)
		}
	}
	for _, rows := range [][]framed{fields2, broken2} {
		for _, r := range rows {
			names = append(names, "h2 "+r.name)
		}
	}
	for _, d := range detours {
		names = append(names, "path "+d.name)
	}
	for _, f := range floods {
		names = append(names, "flood "+f.name)
	}
	for _, l := range lies {
		names = append(names, "answer "+l.name)
	}
	for _, p := range picks {
		names = append(names, "pick "+p.name)
	}
	for _, r := range references {
		names = append(names, "reference "+r.name)
	}
	seen := map[string]bool{}
	for _, name := range names {
		if mark := markOf(name); seen[mark] {
			t.Errorf("two attacks are called %q", name)
		} else {
			seen[mark] = true
		}
	}
	count := len(names) + len(wishes) + len(resource.Types)
	t.Logf("%d attacks", count)
	if count < atLeast {
		t.Errorf("%d attacks, want %d", count, atLeast)
	}
}
