"""JSON schemas of the custom resources that deploy/kubernetes uses: of the fields in use, and no others, so that a
misspelt one is seen. After the definitions of the Prometheus operator (monitoring.coreos.com/v1) and of KEDA
(keda.sh/v1alpha1).
"""

from typing import Any

DURATION = {"type": "string", "minLength": 1, "pattern": r"^(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$"}
TEXT = {"type": "string", "minLength": 1}
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
COUNT = {"type": "integer", "minimum": 0}


def fields(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    """An object with these fields and no others."""
    return {
        "type": "object",
        "properties": required | (optional or {}),
        "required": list(required),
        "additionalProperties": False,
    }


def some(items: dict[str, Any]) -> dict[str, Any]:
    """A list that is not empty."""
    return {"type": "array", "items": items, "minItems": 1}


def resource(group: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    """The whole object around a specification."""
    metadata = fields({"name": TEXT, "namespace": TEXT}, {"labels": TEXTS, "annotations": TEXTS})
    return fields({"apiVersion": {"const": group}, "kind": {"const": kind}, "metadata": metadata, "spec": spec})


SERVICE_MONITOR = resource(
    "monitoring.coreos.com/v1",
    "ServiceMonitor",
    fields(
        {
            "selector": fields({}, {"matchLabels": TEXTS}),
            "endpoints": some(
                fields(
                    {"port": TEXT},
                    {
                        "path": {"type": "string", "pattern": "^/"},
                        "scheme": {"enum": ["http", "https"]},
                        "interval": DURATION,
                        "scrapeTimeout": DURATION,
                    },
                )
            ),
        },
        {"namespaceSelector": fields({}, {"any": {"type": "boolean"}, "matchNames": some(TEXT)}), "jobLabel": TEXT},
    ),
)
RULE = {
    "oneOf": [
        fields(
            {"record": {"type": "string", "pattern": "^[a-zA-Z_:][a-zA-Z0-9_:]*$"}, "expr": TEXT}, {"labels": TEXTS}
        ),
        fields(
            {"alert": TEXT, "expr": TEXT},
            {"for": DURATION, "keep_firing_for": DURATION, "labels": TEXTS, "annotations": TEXTS},
        ),
    ]
}
PROMETHEUS_RULE = resource(
    "monitoring.coreos.com/v1",
    "PrometheusRule",
    fields({"groups": some(fields({"name": TEXT, "rules": some(RULE)}, {"interval": DURATION}))}),
)
SCALED_OBJECT = resource(
    "keda.sh/v1alpha1",
    "ScaledObject",
    fields(
        {
            "scaleTargetRef": fields({"name": TEXT}, {"apiVersion": TEXT, "kind": TEXT}),
            "triggers": some(
                fields(
                    {
                        "type": {"const": "prometheus"},
                        "metadata": fields(
                            {
                                "serverAddress": {"type": "string", "pattern": "^https?://"},
                                "query": TEXT,
                                "threshold": TEXT,
                            },
                            {"activationThreshold": TEXT, "ignoreNullValues": {"enum": ["true", "false"]}},
                        ),
                    },
                    {"name": TEXT, "metricType": {"enum": ["AverageValue", "Value"]}},
                )
            ),
        },
        {
            "minReplicaCount": COUNT,
            "maxReplicaCount": COUNT,
            "pollingInterval": COUNT,
            "cooldownPeriod": COUNT,
            "fallback": fields({"failureThreshold": COUNT, "replicas": COUNT}),
            # The behaviour is that of Kubernetes' own autoscaler, whose schema checks it.
            "advanced": fields({"horizontalPodAutoscalerConfig": fields({"behavior": {"type": "object"}})}),
        },
    ),
)
SCHEMAS = {"ServiceMonitor": SERVICE_MONITOR, "PrometheusRule": PROMETHEUS_RULE, "ScaledObject": SCALED_OBJECT}
