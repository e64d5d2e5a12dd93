// Package webhook will wire the admission of kedify-http triggers; what is valid is decided in
// scaler/trigger, nowhere else. It holds no code yet; certificates for it come from
// controllers/certs.
package webhook
