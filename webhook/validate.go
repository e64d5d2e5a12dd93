package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
	inferencev1 "sigs.k8s.io/gateway-api-inference-extension/api/v1"

	"github.com/kedify/inference-gateway/controllers/scaledobject/plan"
	"github.com/kedify/inference-gateway/scaler/trigger"
)

// validator refuses what trigger calls a mistake.
type validator struct{ options Options }

// Handle implements admission.Handler.
func (v *validator) Handle(ctx context.Context, request admission.Request) admission.Response {
	if request.Operation == admissionv1.Delete || len(request.Object.Raw) == 0 {
		return admission.Allowed("")
	}
	object, deleted, err := decode(request)
	if err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	if deleted {
		return admission.Allowed("") // KEDA takes its finalizer back, from an invalid object as well
	}
	result := trigger.Parse(object, v.options.ScalerAddress)
	var warnings []string
	for _, problem := range slices.Concat(trigger.Warnings(result.Problems), trigger.Lookalikes(object, v.options.ScalerAddress)) {
		warnings = append(warnings, problem.String())
	}
	if !v.options.Autowire {
		warnings = append(warnings, unwired(result)...)
	}
	warnings = append(warnings, v.mismatches(ctx, request.Namespace, result)...)
	mistakes := trigger.Errors(result.Problems)
	if len(mistakes) == 0 {
		return admission.Allowed("").WithWarnings(warnings...)
	}
	return denied(request, mistakes).WithWarnings(warnings...)
}

// decode reads the object of a request, and whether it is being deleted.
func decode(request admission.Request) (trigger.Object, bool, error) {
	switch request.Kind.Kind {
	case trigger.ScaledObject:
		var so kedav1alpha1.ScaledObject
		if err := json.Unmarshal(request.Object.Raw, &so); err != nil {
			return trigger.Object{}, false, fmt.Errorf("not a ScaledObject: %w", err)
		}
		return plan.ObjectOf(&so), !so.DeletionTimestamp.IsZero(), nil
	case trigger.ScaledJob:
		var job kedav1alpha1.ScaledJob
		if err := json.Unmarshal(request.Object.Raw, &job); err != nil {
			return trigger.Object{}, false, fmt.Errorf("not a ScaledJob: %w", err)
		}
		return plan.JobOf(&job), !job.DeletionTimestamp.IsZero(), nil
	}
	return trigger.Object{}, false, fmt.Errorf("kind %q is not asked about here", request.Kind.Kind)
}

// denied names everything that is wrong, one line each; programs find it in the causes.
func denied(request admission.Request, mistakes []trigger.Problem) admission.Response {
	var lines []string
	details := &metav1.StatusDetails{Group: request.Kind.Group, Kind: request.Kind.Kind, Name: request.Name}
	for _, mistake := range mistakes {
		lines = append(lines, mistake.String())
		details.Causes = append(details.Causes, metav1.StatusCause{
			Type: metav1.CauseTypeFieldValueInvalid, Field: field(mistake), Message: mistake.Message,
		})
	}
	message := lines[0]
	if len(lines) > 1 {
		message = fmt.Sprintf("%d mistakes:\n- %s", len(lines), strings.Join(lines, "\n- "))
	}
	return admission.Response{AdmissionResponse: admissionv1.AdmissionResponse{
		Result: &metav1.Status{
			Status: metav1.StatusFailure, Code: http.StatusUnprocessableEntity, Reason: metav1.StatusReasonInvalid,
			Message: message, Details: details,
		},
	}}
}

func field(problem trigger.Problem) string {
	if problem.Index < 0 {
		return problem.Key
	}
	return fmt.Sprintf("spec.triggers[%d] %s", problem.Index, problem.Key)
}

// unwired warns of what the triggers ask of autowiring, which is switched off.
func unwired(result trigger.Result) (warnings []string) {
	for _, parsed := range result.Triggers {
		for _, warning := range []string{trigger.Unwired(parsed.Spec), trigger.NoWiredService(parsed.Spec)} {
			if warning != "" {
				warnings = append(warnings, "trigger "+parsed.Spec.Trigger+": "+warning)
			}
		}
	}
	return warnings
}

// mismatches warns of pools that select other Pods than the Service of the same trigger. What
// cannot be read is not warned of.
func (v *validator) mismatches(ctx context.Context, namespace string, result trigger.Result) (warnings []string) {
	if v.options.Reader == nil {
		return nil
	}
	for _, parsed := range result.Triggers {
		backend := parsed.Spec.Backend
		if backend.InferencePool == "" || backend.Service == "" {
			continue
		}
		var pool inferencev1.InferencePool
		var service corev1.Service
		if v.options.Reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: backend.InferencePool}, &pool) != nil ||
			v.options.Reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: backend.Service}, &service) != nil {
			continue
		}
		if mismatch := plan.Mismatch(&pool, &service); mismatch != "" {
			warnings = append(warnings, "trigger "+parsed.Spec.Trigger+": "+mismatch)
		}
	}
	return warnings
}
