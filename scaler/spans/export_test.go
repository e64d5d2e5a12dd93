package spans

// What tests see of the package.
const (
	MaxWaiting   = maxWaiting
	CloseTimeout = closeTimeout
)

// ParentOf is what a proxy says of the trace of a request.
var ParentOf = parentOf
