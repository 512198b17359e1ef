"""The domain: what a complaint is and what may happen to it.

People (`webapp`), customers' mail (`intake`) and time (`jobs`) all act through the verbs in this package. It knows
nothing of those three: who, when and why come in as arguments.
"""
