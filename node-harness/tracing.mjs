// OpenTelemetry for Nest 12: its API and the smallest SDK; it puts trace context into packets and
// reads it from them.

import { loadFrom } from './nest.mjs';

/** A tracer, `carrier()` for the metadata of a packet, and `parentIn(metadata)` for a handler. */
export async function tracing() {
  const { context, propagation, trace } = await loadFrom(12, '@opentelemetry/api');
  const { W3CTraceContextPropagator } = await loadFrom(12, '@opentelemetry/core');
  const { BasicTracerProvider } = await loadFrom(12, '@opentelemetry/sdk-trace-base');
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  const tracer = new BasicTracerProvider().getTracer('node-harness');
  return {
    /** Starts a span below `parent`, which is a context; without one, it begins a trace. */
    start: (name, parent = context.active()) => tracer.startSpan(name, {}, parent),

    /** What carries the context of `span`. */
    carrier: (span) => {
      const carrier = {};
      propagation.inject(trace.setSpan(context.active(), span), carrier);
      return carrier;
    },

    /** The context that the metadata of a packet carries. */
    parentIn: (metadata) => propagation.extract(context.active(), metadata ?? {}),

    /** What tells spans apart and who was whose parent. */
    idsOf: (span) => ({
      trace: span.spanContext().traceId,
      span: span.spanContext().spanId,
      parent: span.parentSpanContext?.spanId ?? null,
      state: span.spanContext().traceState?.serialize() ?? null,
    }),
  };
}
