"""Archives of any size: paths to a table of utterances, in this process or on a Ray cluster.

``inputs`` finds the files, ``worklist`` remembers which are done, ``analyzer`` recognizes one,
``local`` and ``cluster`` run it over all of them, ``parts`` stores results and merges them, and
``job`` joins these.
"""
