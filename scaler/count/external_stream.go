package count

import (
	"bytes"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/xds/server"
)

// externalStream is one stream of an external Envoy. The goroutine that reads it owns it.
type externalStream struct {
	service *External
	// namespace of the certificate: no trigger of another one is counted for.
	namespace string
	address   string
	name      string // of the Envoy; empty before the first message
	// deltas: its counters are deltas. That may show only after a while, and what was summed
	// up until then is right in both cases.
	deltas   bool
	clusters map[string]*cluster // that count
	number   uint64              // of the message
	flush
}

// cluster is one cluster of an external Envoy.
type cluster struct {
	name string
	// latest are the values of the last message that had them, sums those of all messages.
	latest, sums map[string]uint64
	number       uint64 // of the message that has it
	told         map[types.NamespacedName]bool
}

// take takes one message. The bytes are valid during the call only.
func (st *externalStream) take(data []byte) error {
	st.number++
	st.flush = flush{}
	err := fields(data, func(f field) error {
		switch {
		case f.is(messageIdentifier, protowire.BytesType) && st.name == "":
			id, err := node(f.content)
			if len(id) > server.MaxNode {
				return errLongNode
			}
			if err == nil && id != "" {
				st.name = st.service.enter(st.namespace, id+"@"+st.address)
			}
			return err
		case f.is(messageMetrics, protowire.BytesType) && st.name != "":
			return st.family(f.content)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if st.name == "" {
		return ErrNoNode
	}
	for name, c := range st.clusters {
		if len(st.of(name)) == 0 {
			delete(st.clusters, name)
		} else if c.number == st.number {
			st.report(c)
		}
	}
	return nil
}

// of returns the demand keys that a cluster of this Envoy counts for.
func (st *externalStream) of(cluster string) []types.NamespacedName {
	return st.service.of(clusterKey{st.namespace, cluster})
}

// family takes one family.
func (st *externalStream) family(family []byte) error {
	name, err := name(family)
	if err != nil {
		return err
	}
	if string(name) == uptimeName {
		return samples(family, func(from sample) {
			if seconds, ok := from.count(); ok && seconds < uint64(math.MaxInt64/time.Second) {
				st.uptime, st.hasUptime = time.Duration(seconds)*time.Second, true
			}
		})
	}
	rest, ok := clusterFamily(name)
	if !ok {
		return nil
	}
	return samples(family, func(from sample) { st.sample(rest, from) })
}

// clusterFamily returns what follows the prefix of a cluster's families, as Envoy writes it or
// as its Prometheus format does.
func clusterFamily(name []byte) (rest []byte, ok bool) {
	if rest, ok = bytes.CutPrefix(name, []byte("cluster.")); ok {
		return rest, true
	}
	return bytes.CutPrefix(name, []byte("envoy_cluster_"))
}

// sample takes one value of a cluster.
func (st *externalStream) sample(rest []byte, from sample) {
	value, ok := from.count()
	if !ok {
		return
	}
	st.at = from.time
	if from.counter && value == 0 {
		st.deltas = true
	}
	label, ok := from.label("envoy.cluster_name")
	if !ok {
		label, ok = from.label("envoy_cluster_name")
	}
	if !ok { // without emit_tags_as_labels the name is in the family's
		dot := bytes.LastIndexByte(rest, '.')
		if dot < 0 {
			return
		}
		label, rest = rest[:dot], rest[dot+1:]
	}
	c := st.cluster(label, rest)
	if c == nil || statisticOf(rest) == other {
		return
	}
	statistic := string(rest)
	c.latest[statistic] = value
	if from.counter {
		c.sums[statistic] += value
	}
}

// cluster returns a cluster that counts; any family of it says that it is there.
func (st *externalStream) cluster(name, family []byte) *cluster {
	c := st.clusters[string(name)] // no allocation
	if c == nil {
		text := string(name)
		if len(st.of(text)) == 0 {
			if string(family) == "upstream_rq_total" {
				st.service.options.Metrics.ignored.Inc()
			}
			return nil
		}
		c = &cluster{name: text, latest: map[string]uint64{}, sums: map[string]uint64{}, told: map[types.NamespacedName]bool{}}
		st.clusters[text] = c
	}
	c.number = st.number
	return c
}

// report hands on what a cluster counted, to each of its triggers.
func (st *externalStream) report(c *cluster) {
	counts := demand.Counts{}
	for name, value := range c.latest {
		s := statisticOf([]byte(name))
		if st.deltas && s != active {
			value = c.sums[name]
		}
		s.add(&counts, value)
	}
	r := demand.Report{Uptime: st.uptime, Started: st.hasUptime && st.uptime <= 2*st.service.options.Flush}
	if st.at != 0 {
		r.Time = time.UnixMilli(st.at)
	}
	for _, key := range st.of(c.name) {
		if st.deltas { // summed up from zero, for an Envoy of any age
			r.Uptime, r.Started = 0, !c.told[key]
		}
		c.told[key] = true
		r.Proxy = demand.Proxy{Gateway: demand.External(key), Node: st.name}
		r.Counts = map[types.NamespacedName]demand.Counts{key: counts}
		st.service.options.Registry.Report(r)
	}
}

// end is called when no message will come any more.
func (st *externalStream) end() {
	if st.name == "" {
		return
	}
	for _, c := range st.clusters {
		for key := range c.told {
			st.service.options.Registry.Gone(demand.Proxy{Gateway: demand.External(key), Node: st.name})
		}
	}
	st.service.leave(st.namespace, st.name)
}
