package migrate

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// APIVersion and Kind of what is read.
const (
	APIVersion = "http.keda.sh/v1alpha1"
	Kind       = "HTTPScaledObject"
)

// httpScaledObject has the fields of an HTTPScaledObject. The module of the http-add-on is not imported: it brings its own versions
// of everything for five structs.
type httpScaledObject struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              spec `json:"spec"`
	// Status is not read.
	Status map[string]any `json:"status,omitempty"`
}

type spec struct {
	Hosts                       []string    `json:"hosts,omitempty"`
	PathPrefixes                []string    `json:"pathPrefixes,omitempty"`
	Headers                     []header    `json:"headers,omitempty"`
	ScaleTargetRef              target      `json:"scaleTargetRef"`
	ColdStartTimeoutFailoverRef *failover   `json:"coldStartTimeoutFailoverRef,omitempty"`
	Replicas                    *replicas   `json:"replicas,omitempty"`
	TargetPendingRequests       *int32      `json:"targetPendingRequests,omitempty"`
	CooldownPeriod              *int32      `json:"scaledownPeriod,omitempty"`
	InitialCooldownPeriod       *int32      `json:"initialCooldownPeriod,omitempty"`
	ScalingMetric               *metricSpec `json:"scalingMetric,omitempty"`
	Timeouts                    *timeouts   `json:"timeouts,omitempty"`
}

type header struct {
	Name  string  `json:"name"`
	Value *string `json:"value,omitempty"`
}

type target struct {
	Name       string `json:"name"`
	APIVersion string `json:"apiVersion,omitempty"`
	Kind       string `json:"kind,omitempty"`
	Service    string `json:"service"`
	Port       int32  `json:"port,omitempty"`
	PortName   string `json:"portName,omitempty"`
}

type failover struct {
	Service        string `json:"service"`
	Port           int32  `json:"port,omitempty"`
	PortName       string `json:"portName,omitempty"`
	TimeoutSeconds int32  `json:"timeoutSeconds,omitempty"`
}

type replicas struct {
	Min *int32 `json:"min,omitempty"`
	Max *int32 `json:"max,omitempty"`
}

type metricSpec struct {
	Concurrency *struct {
		TargetValue int `json:"targetValue,omitempty"`
	} `json:"concurrency,omitempty"`
	Rate *struct {
		TargetValue int             `json:"targetValue,omitempty"`
		Window      metav1.Duration `json:"window,omitempty"`
		Granularity metav1.Duration `json:"granularity,omitempty"`
	} `json:"requestRate,omitempty"`
}

type timeouts struct {
	ConditionWait  metav1.Duration `json:"conditionWait,omitempty"`
	ResponseHeader metav1.Duration `json:"responseHeader,omitempty"`
}
