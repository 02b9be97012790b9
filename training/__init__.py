"""How the encoder of the embedded extractor is made: corpus, network, fitting, export. Nothing here ships."""
