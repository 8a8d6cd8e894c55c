"""Who asks, and what they may do: authentication, tokens, scopes, access control lists.

    authentication  the doors of the API: who is asking, and whether they may come in at all
    permission      what whoever asks (`crm.api.auth.authentication`) may see and change: the CIB's access control
                    lists, applied to one request
    requester       on whose behalf a write goes to the DC, and whether it has been there before
    scopes          what a token is good for: four scopes, each of which includes those before it, and which of them a
                    request needs
    tokens          tokens for the API over TCP: who somebody is, for how long and for what, signed with the cluster's
                    key
"""
