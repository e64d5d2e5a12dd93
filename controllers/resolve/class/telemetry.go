package class

import (
	"cmp"
	"fmt"
	"time"

	"k8s.io/utils/ptr"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/controllers/resolve/tracing"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/logformat"
)

// maxLogDuration of a filter: more than any request takes, and less than the milliseconds that Envoy counts in 32 bits.
const maxLogDuration = 24 * time.Hour

func mergeTelemetry(base, own *v1alpha1.Telemetry) *v1alpha1.Telemetry {
	if base == nil || own == nil {
		return cmp.Or(own, base)
	}
	return &v1alpha1.Telemetry{
		AccessLog: mergeAccessLog(base.AccessLog, own.AccessLog),
		Metrics:   mergeMetrics(base.Metrics, own.Metrics),
		Tracing:   cmp.Or(own.Tracing, base.Tracing), // as a whole: its reference is one of the namespace of the parameters
	}
}

func mergeAccessLog(base, own *v1alpha1.AccessLog) *v1alpha1.AccessLog {
	if base == nil || own == nil {
		return cmp.Or(own, base)
	}
	return &v1alpha1.AccessLog{
		Disable: cmp.Or(own.Disable, base.Disable),
		Format:  cmp.Or(own.Format, base.Format),
		Filter:  cmp.Or(own.Filter, base.Filter),
	}
}

func mergeMetrics(base, own *v1alpha1.ProxyMetrics) *v1alpha1.ProxyMetrics {
	if base == nil || own == nil {
		return cmp.Or(own, base)
	}
	return &v1alpha1.ProxyMetrics{
		Prometheus:         cmp.Or(own.Prometheus, base.Prometheus),
		EnableBackendStats: cmp.Or(own.EnableBackendStats, base.EnableBackendStats),
	}
}

func checkTelemetry(spec v1alpha1.GatewayParametersSpec) error {
	if _, err := AccessLog(spec); err != nil || spec.Telemetry == nil {
		return err
	}
	_, err := tracing.Parameters(spec.Telemetry.Tracing)
	return err
}

// ServesMetrics reports whether proxies with the parameters serve their statistics.
func ServesMetrics(spec v1alpha1.GatewayParametersSpec) bool {
	return spec.Telemetry == nil || spec.Telemetry.Metrics == nil || spec.Telemetry.Metrics.Prometheus == nil ||
		!ptr.Deref(spec.Telemetry.Metrics.Prometheus.Disable, false)
}

// BackendStats reports whether proxies with the parameters keep histograms and classes of status codes for each backend.
func BackendStats(spec v1alpha1.GatewayParametersSpec) bool {
	return spec.Telemetry != nil && spec.Telemetry.Metrics != nil && ptr.Deref(spec.Telemetry.Metrics.EnableBackendStats, false)
}

// AccessLog returns what the parameters say about the access log; nil: nothing. The error names the field.
func AccessLog(spec v1alpha1.GatewayParametersSpec) (*ir.AccessLog, error) {
	if spec.Telemetry == nil || spec.Telemetry.AccessLog == nil {
		return nil, nil
	}
	log := spec.Telemetry.AccessLog
	out := &ir.AccessLog{Off: ptr.Deref(log.Disable, false)}
	if err := readFormat(out, log.Format); err != nil {
		return nil, fmt.Errorf("spec.telemetry.accessLog.format%w", err)
	}
	if err := readFilter(out, log.Filter); err != nil {
		return nil, fmt.Errorf("spec.telemetry.accessLog.filter%w", err)
	}
	return out, nil
}

func readFormat(out *ir.AccessLog, format *v1alpha1.AccessLogFormat) error {
	if format == nil {
		return nil
	}
	if (format.Text == nil) == (len(format.JSON) == 0) {
		return fmt.Errorf(": set one of text and json")
	}
	if format.Type != nil && (*format.Type == v1alpha1.AccessLogText) != (format.Text != nil) {
		return fmt.Errorf(".type: %s goes with the field of that name", *format.Type)
	}
	if format.Text != nil {
		if err := logformat.Check(*format.Text); err != nil {
			return fmt.Errorf(".text: %w", err)
		}
		out.Text = *format.Text
		return nil
	}
	if err := logformat.CheckFields(format.JSON); err != nil {
		return fmt.Errorf(".json%w", err)
	}
	out.Fields = format.JSON
	return nil
}

func readFilter(out *ir.AccessLog, filter *v1alpha1.AccessLogFilter) error {
	if filter == nil {
		return nil
	}
	out.Filter = &ir.LogFilter{}
	if code := filter.MinStatusCode; code != nil {
		if *code < 100 || *code > 599 {
			return fmt.Errorf(".minStatusCode: %d is not a status code from 100 to 599", *code)
		}
		out.Filter.MinStatus = ptr.To(uint32(*code))
	}
	if took := filter.MinDuration; took != nil {
		if took.Duration < 0 || took.Duration > maxLogDuration {
			return fmt.Errorf(".minDuration: %s is not a duration from 0s to %s", took.Duration, maxLogDuration)
		}
		out.Filter.MinDuration = ptr.To(took.Duration)
	}
	if rate := filter.SamplingRate; rate != nil {
		if *rate < 0 || *rate > 100 {
			return fmt.Errorf(".samplingRate: %d is not a share from 0 to 100 percent", *rate)
		}
		out.Filter.SamplingRate = ptr.To(uint32(*rate))
	}
	if *out.Filter == (ir.LogFilter{}) {
		return fmt.Errorf(": has no field, and would log nothing; set disable instead")
	}
	return nil
}
