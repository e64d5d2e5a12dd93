package numbers

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kedify/inference-gateway/scaler"
	"github.com/kedify/inference-gateway/scaler/demand"
	"github.com/kedify/inference-gateway/scaler/hold"
)

// PerTrigger is how many series a trigger has at most; one that scales by the work of its requests has PerWork more.
const (
	PerTrigger = 8
	PerWork    = 3
)

// Options of a Collector; all are required.
type Options struct {
	// Shares returns those of the triggers in force; demand.Registry.Shares.
	Shares func() []demand.Share
	// Ended returns what became of held requests; hold.Gate.Ended.
	Ended func(types.NamespacedName) hold.Ended
	// Leads reports whether this replica leads.
	Leads func() bool
}

// Collector implements prometheus.Collector.
type Collector struct{ options Options }

// New returns a collector.
func New(options Options) Collector { return Collector{options: options} }

func desc(name, help string, more ...string) *prometheus.Desc {
	return prometheus.NewDesc("kedify_gateway_trigger_"+name, help, append([]string{"namespace", "scaledobject", "trigger"}, more...), nil)
}

var (
	requestsDesc = desc("requests_total",
		"Requests that proxies sent, or tried to send, to the application, without retries; as reported to this replica.")
	concurrencyDesc = desc("concurrency",
		"Requests in flight in the proxies that report to this replica, and held by it; absent while that is not known.")
	heldDesc   = desc("held_requests", "Requests that this replica holds.")
	waitedDesc = desc("hold_seconds_total",
		"Sum of the time that this replica held requests that it then released. Divided by the released answers it is a mean.")
	answersDesc = desc("hold_answers_total", "Requests that did not pass at once, by answer of this replica: released after a wait, "+
		"or failed (503 or 504 of the product: a timeout, a limit, a backend that was withdrawn or is paused).", "answer")
	tokensDesc = desc("tokens_total", "Tokens that answers said, of triggers that scale by tokenRate or ttft, by kind: of prompts, those of "+
		"them that a cache had, and of answers; as reported to this replica.", "kind")
	activeDesc = desc("active", "1 while KEDA is told that the application is needed, 0 otherwise; absent while that is not known. "+
		"The leader exports it for all replicas.")
	knownDesc = desc("known", "1 while the demand is known, 0 while KEDA gets an error instead of a number. "+
		"The leader exports it for all replicas.")
)

// Describe implements prometheus.Collector.
func (c Collector) Describe(out chan<- *prometheus.Desc) {
	for _, each := range []*prometheus.Desc{
		requestsDesc, concurrencyDesc, heldDesc, waitedDesc, answersDesc, tokensDesc, activeDesc, knownDesc,
	} {
		out <- each
	}
}

// Collect implements prometheus.Collector.
func (c Collector) Collect(out chan<- prometheus.Metric) {
	leads := c.options.Leads()
	seen := map[identity]bool{}
	for _, share := range c.options.Shares() {
		// A tenant with the right to write HTTPScalers may make two of one trigger. The same series twice would fail the whole scrape.
		if of := identityOf(share.Scaler); !seen[of] {
			seen[of] = true
			collect(out, of, share, c.options.Ended(share.Scaler.Key), leads)
		}
	}
}

func collect(out chan<- prometheus.Metric, of identity, share demand.Share, ended hold.Ended, leads bool) {
	labels := of.labels()
	counter := func(desc *prometheus.Desc, value float64, labels []*dto.LabelPair) {
		out <- &series{desc, labels, &value, true}
	}
	gauge := func(desc *prometheus.Desc, value float64) { out <- &series{desc, labels, &value, false} }
	counter(requestsDesc, float64(share.Requests), labels)
	if share.Held > 0 || share.Known && share.Reported {
		gauge(concurrencyDesc, float64(share.InFlight)+float64(share.Held))
	}
	gauge(heldDesc, float64(share.Held))
	counter(waitedDesc, ended.Waited.Seconds(), labels)
	counter(answersDesc, float64(ended.Released), append([]*dto.LabelPair{released}, labels...))
	counter(answersDesc, float64(ended.Failed), append([]*dto.LabelPair{failed}, labels...))
	if share.Work {
		counter(tokensDesc, float64(share.Tokens.Prompt), append([]*dto.LabelPair{promptKind}, labels...))
		counter(tokensDesc, float64(share.Tokens.Cached), append([]*dto.LabelPair{cachedKind}, labels...))
		counter(tokensDesc, float64(share.Tokens.Output), append([]*dto.LabelPair{outputKind}, labels...))
	}
	if !leads {
		return
	}
	if share.Known {
		gauge(activeDesc, number(share.Active))
	}
	gauge(knownDesc, number(share.Known))
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// identity is what the series of a trigger are labelled with: names of objects, and never the text of a host.
type identity struct{ namespace, scaledObject, trigger string }

func identityOf(s *scaler.Scaler) identity {
	scaledObject, trigger := s.Labels()
	return identity{namespace: s.Key.Namespace, scaledObject: scaledObject, trigger: trigger}
}
