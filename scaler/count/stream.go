package count

import (
	"fmt"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/xds/server"
)

// stream is one stream of one of our proxies. The goroutine that reads it owns it.
type stream struct {
	service *Service
	proxy   demand.Proxy // its node is empty before the first message
	split   bool
	streams *proxyStreams    // once its node is known
	slots   map[string]*slot // by "<namespace>/<name>"
	counts  map[types.NamespacedName]demand.Counts
	works   map[types.NamespacedName]*demand.Work
	number  uint64 // of the message
	time    int64  // of the last message
	flush
}

// slot is one key.
type slot struct {
	key    types.NamespacedName
	counts demand.Counts
	work   *demand.Work // nil: there never was any
	number uint64       // of the message that has it
	worked uint64       // of the message that has work
}

// flush is the part of a message that is no count.
type flush struct {
	at        int64 // in ms
	uptime    time.Duration
	hasUptime bool
}

var errLongNode = fmt.Errorf("the id of the node is longer than %d bytes", server.MaxNode)

// take takes one message. The bytes are valid during the call only.
func (st *stream) take(data []byte) error {
	st.number++
	st.flush = flush{}
	present := 0
	err := fields(data, func(f field) error {
		switch {
		case f.is(messageIdentifier, protowire.BytesType) && st.proxy.Node == "":
			return st.identify(f.content)
		case f.is(messageMetrics, protowire.BytesType):
			return st.family(f.content, &present)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if st.proxy.Node == "" {
		return ErrNoNode
	}
	if st.at != 0 && st.at == st.time {
		st.split = true
		st.service.options.Log.Info("Refused the reports of a proxy",
			"gateway", st.proxy.Gateway.String(), "node", st.proxy.Node, "reason", ErrSplit.Error())
		return ErrSplit
	}
	st.time = st.at
	return st.service.report(st, st.whole(present))
}

func (st *stream) identify(identifier []byte) error {
	id, err := node(identifier)
	if err != nil || id == "" {
		return err
	}
	if len(id) > server.MaxNode {
		return errLongNode
	}
	st.proxy.Node = id
	return st.service.admit(st)
}

// family takes one family.
func (st *stream) family(family []byte, present *int) error {
	name, err := name(family)
	if err != nil {
		return err
	}
	key, s := split(name)
	if s == other {
		if string(name) == uptimeName {
			return samples(family, st.up)
		}
		return nil
	}
	sl := st.slot(key)
	if sl == nil {
		if s == attempts {
			st.service.options.Metrics.foreign.Inc()
		}
		return nil
	}
	if sl.number != st.number {
		sl.number, sl.counts = st.number, demand.Counts{}
		*present++
	}
	if s >= sent {
		return st.work(sl, family, s)
	}
	return samples(family, func(from sample) {
		if value, ok := from.count(); ok {
			s.add(&sl.counts, value)
		}
		st.at = from.time
	})
}

// work takes one family of the work of a key. Envoy says of a histogram what came since its last message, so that is summed up; a message
// that is lost takes a second of it away.
func (st *stream) work(sl *slot, family []byte, s statistic) error {
	if sl.work == nil {
		sl.work = &demand.Work{}
	}
	if sl.worked != st.number {
		sl.worked, *sl.work = st.number, demand.Work{First: sl.work.First}
	}
	if s == first {
		return classes(family, sl.work.AddFirst)
	}
	return samples(family, func(from sample) {
		if value, ok := from.count(); ok {
			s.addWork(sl.work, value)
		}
		st.at = from.time
	})
}

func (st *stream) up(from sample) {
	if seconds, ok := from.count(); ok && seconds < uint64(math.MaxInt64/time.Second) {
		st.uptime, st.hasUptime = time.Duration(seconds)*time.Second, true
	}
	st.at = from.time
}

// slot returns that of "<namespace>/<name>"; nil: the gateway does not count for the key. A key that it did
// count for keeps its slot: the registry knows what it means today, and goes on from where the counters are
// when the trigger comes back.
func (st *stream) slot(text []byte) *slot {
	sl := st.slots[string(text)] // no allocation
	if sl != nil {
		return sl
	}
	key, ok := scaler.ParseKey(string(text))
	if !ok || !st.service.options.Catalog.Counts(st.proxy.Gateway, key) {
		return nil
	}
	sl = &slot{key: key}
	st.slots[string(text)] = sl
	return sl
}

// whole returns the report of the message.
func (st *stream) whole(present int) demand.Report {
	clear(st.counts)
	clear(st.works)
	for text, sl := range st.slots {
		if sl.number == st.number {
			st.counts[sl.key] = sl.counts
			if sl.worked == st.number {
				st.works[sl.key] = sl.work
			}
		} else if len(st.slots) > 2*present+64 {
			delete(st.slots, text) // more keys are gone than are there
		}
	}
	r := demand.Report{
		Proxy: st.proxy, Counts: st.counts, Work: st.works,
		Started: st.hasUptime && st.uptime <= 2*st.service.options.Flush, Uptime: st.uptime,
	}
	if st.at != 0 {
		r.Time = time.UnixMilli(st.at)
	}
	return r
}

// end is called when no message will come any more.
func (st *stream) end() {
	if st.streams != nil {
		st.service.leave(st, st.split)
	}
}
