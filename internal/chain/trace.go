package chain

import "context"

// Tracer follows what is read from who wanted it to the nodes. It must be quick and safe for concurrent use.
type Tracer interface {
	// Carry returns the context of a journey to the chain with what the tracer has put into asker's, who wanted it first.
	// A journey belongs to nobody who waits for it: it goes on when they have left.
	Carry(journey, asker context.Context) context.Context
	// Begin is told of an operation that begins: its name, the nodes, and the subnet or N/A. It returns the context that the
	// operation goes on with, and what is called when it has ended.
	Begin(ctx context.Context, operation, nodes, netuid string) (context.Context, func(error))
}

// begin tells the tracer, if there is one, of an operation that begins.
func (c *Chain) begin(ctx context.Context, op operation, uri, netuid string) (context.Context, func(error)) {
	if c.config.Tracer == nil {
		return ctx, untraced
	}
	return c.config.Tracer.Begin(ctx, string(op), uri, netuid)
}

func untraced(error) {}
