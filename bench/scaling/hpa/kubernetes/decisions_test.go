package kubernetes

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/klog/v2"
)

const file = "../testdata/decisions.csv"

// syncs are how often the controller decides in one story.
const syncs = 80

func TestMain(m *testing.M) {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	utilruntime.ErrorHandlers = nil // a metric that cannot be read is an error, and their pauses are on another clock
	os.Exit(m.Run())
}

// The decisions of the real controller are those in the file. GOLDEN=update writes it.
func TestDecisions(t *testing.T) {
	var text bytes.Buffer
	out := csv.NewWriter(&text)
	_ = out.Write([]string{"story", "at", "min", "max", "current", "ready", "each", "value", "target", "value2", "target2", "decided"})
	for i, s := range stories() {
		synctest.Test(t, func(t *testing.T) {
			all := s.run(t)
			if len(all) < syncs {
				t.Fatalf("story %d: %d decisions", i, len(all))
			}
			for _, d := range all {
				_ = out.Write(append([]string{strconv.Itoa(i)}, d.fields()...))
			}
		})
	}
	out.Flush()
	if os.Getenv("GOLDEN") == "update" {
		if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text.Bytes(), want) {
		t.Error("the controller decides otherwise than " + file + " says: GOLDEN=update writes it anew")
	}
}

// story is a load over time.
type story struct {
	min, max, start int32
	// ready Pods; -1: all of them.
	ready int32
	each  bool // AverageValue
	// metrics are one or two, each with a target in thousandths.
	targets []int64
	// load of a moment in thousandths, by metric; below zero: it cannot be read.
	load func(sync, metric int) int64
	// raised is how many replicas something else has added before a decision.
	raised func(sync int) int32
}

// stories are steps, waves, noise near the tolerance, metrics that cannot be read, and replicas
// that something else raises.
func stories() []story {
	var all []story
	for seed := range uint64(24) {
		dice := rand.New(rand.NewPCG(seed, 17))
		s := story{
			min: 1 + int32(seed%3), max: 40, start: 1 + int32(dice.IntN(12)), ready: -1, each: seed%4 != 3,
			targets: []int64{1000 * int64(1+dice.IntN(5))}, raised: func(int) int32 { return 0 },
		}
		if seed%3 == 1 {
			s.targets = append(s.targets, 1000*int64(1+dice.IntN(5)))
		}
		loads := walks(dice, len(s.targets), seed%5 == 4)
		s.load = func(sync, metric int) int64 { return loads[metric][sync] }
		if seed%6 == 5 {
			s.raised = func(sync int) int32 { return int32(sync % 7 / 6 * 3) }
		}
		if !s.each {
			s.ready = 1 + int32(dice.IntN(6))
			s.targets[0] *= 10
		}
		all = append(all, s)
	}
	return all
}

// walks returns loads that jump now and then, and drift in between.
func walks(dice *rand.Rand, metrics int, unread bool) (all [][]int64) {
	for range metrics {
		now := dice.Float64() * 30000
		var walk []int64
		for range syncs + 1 {
			switch dice.IntN(12) {
			case 0:
				now = dice.Float64() * 120000
			case 1:
				now = 0
			default:
				now *= 0.92 + 0.16*dice.Float64()
			}
			if unread && dice.IntN(5) == 0 {
				walk = append(walk, -1)
				continue
			}
			walk = append(walk, int64(now))
		}
		all = append(all, walk)
	}
	return all
}

// decision is one look of the controller.
type decision struct {
	at             time.Duration
	story          *story
	current, ready int32
	values         []int64
	decided        int32
}

func (d decision) fields() []string {
	text := func(n int64) string { return strconv.FormatInt(n, 10) }
	row := []string{
		fmt.Sprintf("%.0f", d.at.Seconds()), text(int64(d.story.min)), text(int64(d.story.max)), text(int64(d.current)),
		text(int64(d.ready)), strconv.FormatBool(d.story.each),
	}
	for i := range 2 {
		if i < len(d.story.targets) {
			row = append(row, text(d.values[i]), text(d.story.targets[i]))
		} else {
			row = append(row, "", "")
		}
	}
	return append(row, text(int64(d.decided)))
}
