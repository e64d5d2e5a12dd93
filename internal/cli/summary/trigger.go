package summary

import (
	"cmp"
	"fmt"

	"github.com/kedify/inference-gateway/api/debug"
	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// Trigger is what a trigger does at the moment. Texts are empty where nothing is known.
type Trigger struct {
	Namespace   string `json:"namespace"`
	Name        string `json:"name"`
	Metric      string `json:"metric"`
	Value       string `json:"value,omitempty"`
	Rate        string `json:"rate,omitempty"`
	InFlight    string `json:"inFlight,omitempty"`
	Held        string `json:"held,omitempty"`
	Replicas    string `json:"replicas,omitempty"`
	LastArrival string `json:"lastArrival,omitempty"`
	// Unknown says why the demand is not known.
	Unknown string `json:"unknown,omitempty"`

	load float64
}

// Now returns what a trigger does; demand is nil where no replica of the control plane said anything.
func Now(scaler *v1alpha1.HTTPScaler, demand *debug.Demand, replicas Replicas) Trigger {
	trigger := Trigger{Namespace: scaler.Namespace, Name: scaler.Name, Metric: string(scaler.Spec.Metric.Type)}
	if replicas.Known {
		trigger.Replicas = fmt.Sprintf("%d/%d", replicas.Ready, replicas.Wanted)
	}
	if demand == nil {
		trigger.Unknown = "no replica of the control plane answered"
		return trigger
	}
	trigger.Held, trigger.LastArrival, trigger.Unknown = fmt.Sprint(demand.Held), demand.LastArrival, demand.Unknown
	trigger.load = float64(demand.Held)
	if demand.Unknown == "" {
		trigger.Value, trigger.Rate = fmt.Sprintf("%.3g", demand.Value), fmt.Sprintf("%.3g", demand.Rate)
		trigger.InFlight = fmt.Sprint(demand.InFlight)
		trigger.load += demand.Rate + float64(demand.InFlight)
	}
	return trigger
}

// Busier orders triggers with more requests first.
func Busier(a, b Trigger) int {
	return cmp.Or(cmp.Compare(b.load, a.load), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}
